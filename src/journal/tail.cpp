#include "journal/tail.h"

#include <algorithm>
#include <chrono>

namespace penstock::journal {

void Tail::publish(std::deque<Entry>& entries) {
    if (entries.empty()) return;
    std::deque<Entry> old;  // let go of outside the lock
    bool someone_waits = false;
    {
        const std::lock_guard lock(mutex_);
        const Lsn last = entries.back().last;
        for (Entry& entry : entries) {
            bytes_ += entry.footprint;
            entries_.push_back(std::move(entry));
        }
        while (bytes_ > bytes_max_ && !entries_.empty()) {
            bytes_ -= entries_.front().footprint;
            old.push_back(std::move(entries_.front()));
            entries_.pop_front();
        }
        durable_.store(last.value, std::memory_order_release);
        someone_waits = waiting_ > 0;
    }
    if (someone_waits) changed_.notify_all();
    entries.clear();
}

void Tail::start_at(Lsn durable) {
    durable_.store(durable.value, std::memory_order_release);
}

std::optional<Tail::Entry> Tail::find(Lsn lsn) const {
    const std::lock_guard lock(mutex_);
    const auto entry = std::ranges::lower_bound(entries_, lsn, {}, &Entry::last);
    if (entry == entries_.end() || entry->first > lsn) return {};
    return *entry;
}

Lsn Tail::oldest() const {
    const std::lock_guard lock(mutex_);
    return entries_.empty() ? durable().next() : entries_.front().first;
}

bool Tail::wait(Lsn lsn, Nanoseconds wait, const std::stop_token& stop) const {
    if (durable() >= lsn) return true;
    if (wait <= 0) return false;
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.wait_for(lock, stop, std::chrono::nanoseconds(wait), [&] {
        return closed_ || durable() >= lsn;
    });
    --waiting_;
    return durable() >= lsn;
}

void Tail::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    changed_.notify_all();
}

std::size_t Tail::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

}  // namespace penstock::journal

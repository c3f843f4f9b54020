#include "app/home_log.h"

#include <utility>

namespace penstock::app {

std::span<std::byte> HomeLog::reserve(std::size_t size) {
    if (batch_ == nullptr) batch_ = appender_.acquire(size);
    if (batch_ == nullptr || (sealed_ && !submit())) return {};
    if (batch_ == nullptr) batch_ = appender_.acquire(size);
    if (batch_ == nullptr) return {};
    if (const auto room = batch_->reserve(size); !room.empty()) return room;
    if (batch_->empty()) {
        // Too small for this record although nothing is in it.
        batch_ = appender_.acquire(size);
    } else {
        if (!submit()) return {};
        batch_ = appender_.acquire(size);
    }
    return batch_ == nullptr ? std::span<std::byte>{} : batch_->reserve(size);
}

void HomeLog::commit(std::size_t size, const Owed& owed) {
    batch_->commit(size);
    if (owed.ticket.sequence != Ticket::kNoAnswer) owed_.push_back(owed);
}

bool HomeLog::flush(bool now) {
    if (batch_ == nullptr || batch_->empty()) return false;
    const bool due =
        now || submitted_ - arrived_ < kOnTheirWay || batch_->records().size() >= kFull;
    return due && submit();
}

bool HomeLog::submit() {
    // A batch that the journal has no room for stays sealed: nothing is added to it any more.
    if (!std::exchange(sealed_, true)) {
        before_seal_();
        batch_->seal();
    }
    if (!appender_.submit(batch_)) return false;
    sealed_ = false;
    batch_.reset();
    ++submitted_;
    waiting_.push_back(std::move(owed_));
    owed_.clear();
    if (!spares_.empty()) {
        owed_ = std::move(spares_.back());
        spares_.pop_back();
    }
    return true;
}

bool HomeLog::collect(Arrived& arrived) {
    const auto durable = appender_.poll();
    if (durable.count == 0) return false;
    arrived.first = durable.first;
    arrived.count = durable.count;
    arrived.owed = std::move(waiting_.front());
    waiting_.pop_front();
    ++arrived_;
    return true;
}

void HomeLog::recycle(std::vector<Owed> owed) {
    if (spares_.size() == kSpares) return;
    owed.clear();
    spares_.push_back(std::move(owed));
}

}  // namespace penstock::app

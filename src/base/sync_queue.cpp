#include "base/sync_queue.h"

#include <chrono>
#include <iterator>

namespace penstock {

void SyncQueue::submit(DiskFile& file, ByteSpans parts, std::uint64_t offset, std::uint64_t token) {
    if (failed_) {
        done_.push_back({token, Error{Errc::io, "an earlier write failed"}});
        return;
    }
    Status status = file.write(parts, offset);
    if (status.ok()) status = file.sync();
    failed_ = !status.ok();
    done_.push_back({token, std::move(status)});
}

Status SyncQueue::reap(std::vector<Done>& done, Nanoseconds wait) {
    if (done_.empty() && wait > 0) {
        std::unique_lock lock(mutex_);
        woken_changed_.wait_for(lock, std::chrono::nanoseconds(wait), [this] { return woken_; });
        woken_ = false;
    }
    done.insert(
        done.end(), std::make_move_iterator(done_.begin()), std::make_move_iterator(done_.end())
    );
    done_.clear();
    return {};
}

void SyncQueue::wake() noexcept {
    {
        const std::lock_guard lock(mutex_);
        woken_ = true;
    }
    woken_changed_.notify_one();
}

}  // namespace penstock

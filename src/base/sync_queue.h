#pragma once

#include "penstock/disk.h"

#include <condition_variable>
#include <mutex>

namespace penstock {

/// Durable writes the plain way: write, then fdatasync, one at a time, inside submit(). Works on
/// every file system. After a failed write or sync the queue touches no file again.
/// Threads: owner, except wake().
class SyncQueue final : public WriteQueue {
public:
    void submit(DiskFile& file, ByteSpans parts, std::uint64_t offset, std::uint64_t token)
        override;
    [[nodiscard]] Status reap(std::vector<Done>& done, Nanoseconds wait) override;
    void wake() noexcept override;
    [[nodiscard]] std::size_t in_flight() const noexcept override { return done_.size(); }
    [[nodiscard]] std::size_t depth() const noexcept override { return 1; }
    [[nodiscard]] OpenMode file_mode() const noexcept override { return OpenMode::write; }

private:
    std::vector<Done> done_;
    bool failed_ = false;
    std::mutex mutex_;  // guards woken_
    std::condition_variable woken_changed_;
    bool woken_ = false;
};

}  // namespace penstock

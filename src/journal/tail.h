#pragma once

#include "penstock/log_reader.h"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>

namespace penstock::journal {

/// The newest committed frames in memory, so that a reader that keeps up never touches the disk,
/// and the place where readers wait for more.
/// Bound: the bytes given; the oldest frames leave first. What a reader holds lives on until it
/// lets go.
/// Threads: publish() the commit thread; the rest any thread. Locks are held for a copy of pointers
/// only.
class Tail {
public:
    explicit Tail(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    /// A run of LSNs that is durable: one frame with records, or a gap when `chunk` is null.
    struct Entry {
        Lsn first;
        Lsn last;
        ChunkPtr chunk;
        Gap::Cause cause = Gap::Cause::none;
        std::size_t footprint = 0;  // bytes it keeps in memory
        std::uint64_t segment = 0;  // number of the segment that holds the frame
        std::uint64_t offset = 0;   // of the frame header in it
    };

    /// Adds what became durable, in LSN order and contiguous, then moves durable() there and wakes
    /// who waits.
    void publish(std::deque<Entry>& entries);
    /// Where the journal stands after recovery: durable, with nothing in memory.
    void start_at(Lsn durable);

    /// The newest durable LSN.
    /// Acquired by readers; released by publish().
    [[nodiscard]] Lsn durable() const noexcept {
        return {durable_.load(std::memory_order_acquire)};
    }
    /// The entry that holds `lsn`; nothing when it has left memory or is not durable yet.
    [[nodiscard]] std::optional<Entry> find(Lsn lsn) const;
    /// The oldest LSN in memory; durable() + 1 when there is none.
    [[nodiscard]] Lsn oldest() const;
    /// Waits until durable() >= lsn: true. False after `wait`, on stop, or when the journal was
    /// closed.
    [[nodiscard]] bool wait(Lsn lsn, Nanoseconds wait, const std::stop_token& stop) const;
    /// No more will come: wakes all who wait, now and later.
    void close();
    [[nodiscard]] std::size_t bytes() const;

private:
    const std::size_t bytes_max_;
    std::atomic<std::uint64_t> durable_{0};
    mutable std::mutex mutex_;  // guards everything below
    mutable std::condition_variable_any changed_;
    mutable std::size_t waiting_ = 0;
    std::deque<Entry> entries_;
    std::size_t bytes_ = 0;
    bool closed_ = false;
};

}  // namespace penstock::journal

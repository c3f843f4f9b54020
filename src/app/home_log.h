#pragma once

#include "penstock/batch.h"
#include "penstock/intake.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace penstock::app {

/// Somebody to tell when a record is durable: a connection of any shard.
struct Owed {
    std::uint32_t shard = 0;
    Ticket ticket;
};

/// The way of one shard's records into the journal: the batch in the making, the batches on their
/// way, and who waits for each. Group commit begins here: a small batch is held back while two are
/// on their way, so that it grows. Bounds: what the journal's ring and its pool of batches allow;
/// then reserve() gives nothing. Threads: owning shard.
class HomeLog {
public:
    /// `before_seal` is called with a batch's last chance to change its records (a score).
    HomeLog(Appender& appender, std::function<void()> before_seal)
        : appender_(appender), before_seal_(std::move(before_seal)) {}

    /// Room for one encoded record (`size` a multiple of 8), or nothing: try again after collect()
    /// brought something.
    [[nodiscard]] std::span<std::byte> reserve(std::size_t size);
    /// Makes the reserved bytes a record. `owed.ticket.sequence` kNoAnswer: nobody waits.
    void commit(std::size_t size, const Owed& owed);

    /// Hands the batch over if that is due; `now`: even if waiting would make it larger. True when
    /// it went.
    bool flush(bool now = false);

    /// What became durable.
    struct Arrived {
        Lsn first;
        std::uint32_t count = 0;
        std::vector<Owed> owed;
    };
    /// The next durable batch, in order. False when there is none. Give `owed` back by recycle().
    [[nodiscard]] bool collect(Arrived& arrived);
    void recycle(std::vector<Owed> owed);

    /// Batches handed over, and batches that came back durable, since the start.
    [[nodiscard]] std::uint64_t submitted() const noexcept { return submitted_; }
    [[nodiscard]] std::uint64_t arrived() const noexcept { return arrived_; }
    /// True when every record has been handed over.
    [[nodiscard]] bool empty() const noexcept { return batch_ == nullptr || batch_->empty(); }
    /// True when every record is durable.
    [[nodiscard]] bool settled() const noexcept { return submitted_ == arrived_ && empty(); }

private:
    bool submit();

    /// A batch this large goes at once: more would not make its commit cheaper.
    static constexpr std::size_t kFull = std::size_t{192} << 10U;
    static constexpr std::uint64_t kOnTheirWay = 2;
    static constexpr std::size_t kSpares = 8;

    Appender& appender_;
    std::function<void()> before_seal_;
    BatchPtr batch_;
    bool sealed_ = false;
    std::vector<Owed> owed_;
    std::deque<std::vector<Owed>> waiting_;  // one for each batch on its way
    std::vector<std::vector<Owed>> spares_;
    std::uint64_t submitted_ = 0;
    std::uint64_t arrived_ = 0;
};

}  // namespace penstock::app

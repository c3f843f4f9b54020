#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"

#include <cstdint>
#include <deque>

namespace penstock::sinks {

/// A position that a cursor may be set to. There is no way to make one but to hear a confirmation
/// from the far side and let it settle (R3): a cursor ahead of its confirmation does not compile.
/// Threads: immutable.
class SafePoint {
public:
    [[nodiscard]] Lsn lsn() const noexcept { return lsn_; }

private:
    friend class Confirmations;
    explicit SafePoint(Lsn lsn) noexcept : lsn_(lsn) {}

    Lsn lsn_;
};

/// Turns what a sink reports as safe into positions that a cursor may take: each report has to
/// stand for `settle` first.
///
/// Bounds: keeps at most kMarks reports; reports that come closer
/// together are joined, to the later moment.
///
/// Threads: owner.
class Confirmations {
public:
    static constexpr std::size_t kMarks = 32;

    /// `start`: the position that the cursor file holds, or where a new sink begins.
    Confirmations(Lsn start, Nanoseconds settle);

    /// From now on reports have to stand for this long: also those that were heard already and have
    /// not settled. What has settled stays so.
    void settle_for(Nanoseconds settle) noexcept { settle_ = settle; }
    /// The far side confirmed everything up to `safe`. Lower values than heard before change
    /// nothing.
    void hear(Lsn safe, Nanoseconds now);
    /// Contact was lost: what has not settled by now counts as not confirmed.
    void forget_unsettled(Nanoseconds now);
    /// The highest position that stood long enough, but never at or above `limit` (0: no limit):
    /// the first record whose copy in the quarantine store is not durable yet.
    [[nodiscard]] SafePoint settled(Nanoseconds now, Lsn limit = {});
    /// What the far side confirmed, settled or not.
    [[nodiscard]] Lsn confirmed() const noexcept { return confirmed_; }

private:
    struct Mark {
        Nanoseconds opened;
        Nanoseconds last;
        Lsn lsn;
    };

    Nanoseconds settle_;
    Lsn confirmed_;
    Lsn settled_;
    std::deque<Mark> marks_;
};

}  // namespace penstock::sinks

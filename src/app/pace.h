#pragma once

#include "penstock/clock.h"

#include <cstddef>
#include <cstdint>

namespace penstock::app {

/// How long a shard that has nothing to do may rest before it looks at its sockets again, so that
/// one wake-up, one batch and one commit serve several records: at a few thousand records per
/// second the wake-ups cost more than the records.
///
/// It rests where that gathers at least kWorthIt records, and where it slows nobody down: a
/// connection that on average sends less than once in kSlowness windows, and waits for each
/// acknowledgement, loses at most one part in kSlowness of its rate. Otherwise, and at any lower
/// rate, the shard is woken by whatever comes first.
/// Deterministic: time is given. Threads: owner.
class Pace {
public:
    static constexpr double kWorthIt = 4;
    static constexpr double kSlowness = 4;

    /// `window`: the longest rest. 0: never rests.
    explicit Pace(Nanoseconds window = 0) : window_(window) {}

    /// The rest from `now`, at most the window; 0: wait for whatever comes. `records` were taken
    /// since the start, from `connections` that are open now.
    [[nodiscard]] Nanoseconds rest(
        Nanoseconds now, std::uint64_t records, std::size_t connections
    ) noexcept;

private:
    /// Windows over which the rate is averaged.
    static constexpr double kMemory = 8;

    void learn(Nanoseconds now, std::uint64_t records) noexcept;

    Nanoseconds window_;
    Nanoseconds seen_at_ = 0;
    std::uint64_t seen_ = 0;
    double per_window_ = 0;  // moving average
};

}  // namespace penstock::app

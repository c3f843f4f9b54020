#pragma once

#include <cstdint>

namespace penstock {

/// Nanoseconds. Wall times count from 1970-01-01T00:00:00Z (UTC, no leap seconds), monotonic times
/// from any fixed point.
using Nanoseconds = std::int64_t;

constexpr Nanoseconds kMicrosecond = 1'000;
constexpr Nanoseconds kMillisecond = 1'000'000;
constexpr Nanoseconds kSecond = 1'000'000'000;

/// Where parts get the time from, so that tests and the simulation can turn it by hand.
/// Threads: any thread.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Nanoseconds wall() const noexcept = 0;
    [[nodiscard]] virtual Nanoseconds monotonic() const noexcept = 0;
};

/// The machine's clocks (CLOCK_REALTIME, CLOCK_MONOTONIC).
[[nodiscard]] const Clock& system_clock() noexcept;

}  // namespace penstock

#pragma once

#include "penstock/clock.h"

#include <atomic>

namespace penstock::test {

/// A clock that only a test moves.
/// Threads: any.
class FakeClock final : public Clock {
public:
    [[nodiscard]] Nanoseconds wall() const noexcept override { return kEpoch + now_.load(); }
    [[nodiscard]] Nanoseconds monotonic() const noexcept override { return now_.load(); }
    void advance(Nanoseconds span) { now_.fetch_add(span); }

    static constexpr Nanoseconds kEpoch = 1'767'323'045 * kSecond;  // 2026-01-02T03:04:05Z

private:
    std::atomic<Nanoseconds> now_{kSecond};
};

}  // namespace penstock::test

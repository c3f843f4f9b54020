#pragma once

#include "penstock/clock.h"

#include <atomic>

namespace penstock::test {

/// A clock that only a test moves.
/// Threads: any.
class FakeClock final : public Clock {
public:
    [[nodiscard]] Nanoseconds wall() const noexcept override {
        return kEpoch + now_.load() + set_.load();
    }
    [[nodiscard]] Nanoseconds monotonic() const noexcept override { return now_.load(); }
    void advance(Nanoseconds span) { now_.fetch_add(span); }
    /// Somebody sets the wall clock: so far from what it would show.
    void set_wall(Nanoseconds off) { set_.store(off); }

    static constexpr Nanoseconds kEpoch = 1'767'323'045 * kSecond;  // 2026-01-02T03:04:05Z

private:
    std::atomic<Nanoseconds> now_{kSecond};
    std::atomic<Nanoseconds> set_{0};
};

}  // namespace penstock::test

#pragma once

#include "penstock/clock.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace penstock::inspect {

/// What a detector says about one value.
struct Judgement {
    double value = 0;       // 0 (as always) .. 1 (never seen)
    double expected = 0;    // what it had expected
    double difference = 0;  // from that
    double variance = 0;    // of usual values; 0: they never differed
    bool known = false;     // false while it has seen too little to say anything

    /// Standard deviations from what was expected. Where values never differed there is no such
    /// measure: kNever stands for it. Worked out when asked for, since nobody asks for most
    /// judgements.
    static constexpr double kNever = 1000;
    [[nodiscard]] double deviation() const noexcept {
        if (difference == 0) return 0;
        return variance > 0 ? difference / std::sqrt(variance) : std::copysign(kNever, difference);
    }
};

/// How one metric is learned.
struct Tuning {
    std::uint16_t window = 300;
    std::uint16_t warm_up = 30;
};

/// One way to learn what is usual for a device's metric and to say how unusual a value is. It has
/// no memory of its own: the device table keeps a block of `state_size` bytes for each device and
/// metric, which is also what is saved. The same values in the same order give the same state and
/// the same judgements, bit for bit, on one build.
/// Threads: any thread (no state).
class Detector {
public:
    virtual ~Detector() = default;

    /// Names the meaning of the state's bytes, in saved state: another layout needs another number.
    [[nodiscard]] virtual std::uint16_t version() const noexcept = 0;
    /// A multiple of 8; states are aligned to 8.
    [[nodiscard]] virtual std::size_t state_size() const noexcept = 0;
    /// Makes the state of a metric that was never seen.
    virtual void start(std::span<std::byte> state) const noexcept = 0;
    /// Whether bytes from a file are a state that judge() can work with.
    [[nodiscard]] virtual bool valid(std::span<const std::byte> state) const noexcept = 0;
    /// Judges a finite value by what came before, then learns it. `event_time` is when it was
    /// measured.
    [[nodiscard]] virtual Judgement judge(
        std::span<std::byte> state, const Tuning& tuning, double value, Nanoseconds event_time
    ) const noexcept = 0;
};

}  // namespace penstock::inspect

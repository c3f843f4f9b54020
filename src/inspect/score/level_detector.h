#pragma once

#include "inspect/score/detector.h"

namespace penstock::inspect {

/// Learns a metric's level: an exponentially weighted mean and variance.
///
/// With n values seen, x the next one and a = max(1/(n+1), 1/window):
///     d     = x - mean                       z = d / sqrt(variance)
///     score = 1 - P, where P is the most that any unimodal distribution of this mean and deviation
///     has that far out:
///             4 / (9 z^2)         for |z| >= sqrt(8/3),      (Vysochanskij, Petunin 1980)
///             4 / (3 z^2) - 1/3   below, at most 1
///     d'    = d, kept within +-kClip deviations             (Huber's clipping: a spike must not
///     poison what is usual) mean += a d'            variance = (1-a) (variance + a d'^2)
///             (T. Finch, "Incremental calculation of weighted mean and variance", 2009, equations
///             124 and 143)
///
/// - The first `warm_up` values are learned without clipping and not judged.
/// - A constant series has no deviation: a value that differs scores by how long the series was
/// constant, 1 - 2/(n+2)
///   (Laplace's rule of succession for a first exception), gives n as the deviation, and is learned
///   as it is. Differences below 1e-9 of the level are none.
/// - When clipped values have come kRestart times in a row, or make up more than a third for a
/// while, the level has moved
///   for good: learning starts over from there.
/// - Overflow of the arithmetic (levels near 1e308) starts learning over too; nothing is ever NaN.
/// State: 16 bytes: mean (double), variance (float), values seen up to the window and the tally of
/// clipped ones (16 bits).
/// Threads: any thread.
class LevelDetector final : public Detector {
public:
    static constexpr double kClip = 3;
    static constexpr unsigned kRestart = 15;

    [[nodiscard]] std::uint16_t version() const noexcept override { return 1; }
    [[nodiscard]] std::size_t state_size() const noexcept override;
    void start(std::span<std::byte> state) const noexcept override;
    [[nodiscard]] bool valid(std::span<const std::byte> state) const noexcept override;
    [[nodiscard]] Judgement judge(
        std::span<std::byte> state, const Tuning& tuning, double value, Nanoseconds event_time
    ) const noexcept override;
};

}  // namespace penstock::inspect

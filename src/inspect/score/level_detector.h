#pragma once

#include "inspect/score/detector.h"

namespace penstock::inspect {

/// Learns a metric's level: an exponentially weighted mean and variance.
///
/// With n values seen, x the next one and a = max(1/(n+1), 1/window):
///
///     d = x - mean,  z = d / sqrt(variance)
///     score = 1 - 4 / (9 z^2)            for |z| >= sqrt(8/3)
///             1 - (4 / (3 z^2) - 1/3)    for |z| below, at least 0
///     d' = d, kept within +-kClip deviations
///     mean += a d'
///     variance = (1 - a) (variance + a d'^2)
///
/// The score is 1 minus the most that any unimodal distribution of this mean and deviation has that
/// far out (D. F. Vysochanskij and Y. I. Petunin, "Justification of the 3-sigma rule for unimodal
/// distributions", 1980): it claims no more than is known about the values. The update is that of
/// T. Finch, "Incremental calculation of weighted mean and variance", 2009, section 9; the clipping
/// is Huber's, so that a spike cannot poison what is usual.
///
/// - The first `warm_up` values are learned without clipping and not judged.
/// - A constant series has no deviation: a value that differs scores by how long the series was
///   constant, 1 - 2/(n+2) (after Laplace's rule of succession), and is learned as it is.
///   Differences below 1e-9 of the level are none.
/// - When clipped values have come kRestart times in a row, or make up more than a third for a
///   while, the level has moved for good: learning starts over from there.
/// - Overflow of the arithmetic (levels near 1e308) starts learning over too; nothing is ever NaN.
///
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

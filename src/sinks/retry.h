#pragma once

#include "penstock/clock.h"
#include "penstock/sink.h"
#include "sinks/config.h"

#include <cstdint>
#include <optional>
#include <random>

namespace penstock::sinks {

/// How long to wait after a failure: random between nothing and a bound that doubles (full jitter,
/// so that a fleet of nodes does not return at once), never less than the far side asked for.
/// Credentials and settings that are refused are tried slowly from the first time on.
///
/// Threads:
/// owner.
class Retry {
public:
    /// A far side that asks for more than this gets this.
    static constexpr Nanoseconds kRetryAfterMax = 3600 * kSecond;

    Retry(const RetryConfig& config, std::uint64_t seed);

    [[nodiscard]] Nanoseconds next(FailureClass kind, std::optional<Nanoseconds> retry_after);
    /// Something was delivered: the next failure counts as the first.
    void succeeded() noexcept { failures_ = 0; }
    [[nodiscard]] std::uint32_t failures() const noexcept { return failures_; }

private:
    [[nodiscard]] Nanoseconds between(Nanoseconds low, Nanoseconds high);

    RetryConfig config_;
    std::mt19937_64 random_;
    std::uint32_t failures_ = 0;
};

}  // namespace penstock::sinks

#include "sinks/retry.h"

#include <algorithm>

namespace penstock::sinks {

Retry::Retry(const RetryConfig& config, std::uint64_t seed) : config_(config), random_(seed) {}

Nanoseconds Retry::next(FailureClass kind, std::optional<Nanoseconds> retry_after) {
    const std::uint32_t doublings = std::min<std::uint32_t>(failures_, 30);
    if (failures_ < UINT32_MAX) ++failures_;
    if (kind == FailureClass::credentials || kind == FailureClass::configuration) {
        return between(config_.alarm.count() / 2, config_.alarm.count());
    }
    Nanoseconds bound = config_.longest.count();
    if (config_.first.count() < (bound >> doublings)) bound = config_.first.count() << doublings;
    const Nanoseconds asked = std::clamp<Nanoseconds>(retry_after.value_or(0), 0, kRetryAfterMax);
    return asked + between(0, bound);
}

Nanoseconds Retry::between(Nanoseconds low, Nanoseconds high) {
    // The library's distributions differ between compilers; a simulation wants one answer per seed.
    if (high <= low) return low;
    const auto span = static_cast<std::uint64_t>(high - low) + 1;
    return low + static_cast<Nanoseconds>(random_() % span);
}

}  // namespace penstock::sinks

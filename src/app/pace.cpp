#include "app/pace.h"

#include <algorithm>

namespace penstock::app {

Nanoseconds Pace::rest(Nanoseconds now, std::uint64_t records, std::size_t connections) noexcept {
    if (window_ <= 0) return 0;
    learn(now, records);
    const bool gathers = per_window_ >= kWorthIt;
    const bool slows = per_window_ * kSlowness > static_cast<double>(connections);
    return gathers && !slows ? window_ : 0;
}

void Pace::learn(Nanoseconds now, std::uint64_t records) noexcept {
    const Nanoseconds passed = now - seen_at_;
    if (passed < window_ / 2) return;
    const double windows = static_cast<double>(passed) / static_cast<double>(window_);
    const double rate = static_cast<double>(records - seen_) / windows;
    per_window_ += (rate - per_window_) * std::min(1.0, windows / kMemory);
    seen_at_ = now;
    seen_ = records;
}

}  // namespace penstock::app

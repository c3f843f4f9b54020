#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace load {

/// Log-linear histogram of microseconds, as HdrHistogram's: 64 buckets an octave, so each is at
/// most 1.6 % wide; from 0 to 12 days, what lies above counts as that. Threads: owner.
class Histogram {
public:
    void add(std::int64_t us, std::int64_t times = 1) {
        us = std::max<std::int64_t>(us, 0);
        counts_[index(us)] += times;
        total_ += times;
        max_ = std::max(max_, us);
    }
    [[nodiscard]] std::int64_t quantile(double q) const {
        auto left = static_cast<std::int64_t>(std::ceil(q * static_cast<double>(total_)));
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            left -= counts_[i];
            if (left <= 0) return lower(i);
        }
        return max_;
    }
    [[nodiscard]] std::int64_t max() const { return max_; }
    [[nodiscard]] std::int64_t total() const { return total_; }

private:
    static constexpr std::size_t kBuckets = 64 * 35;
    static std::size_t index(std::int64_t v) {
        if (v < 64) return static_cast<std::size_t>(v);
        const int octave = 63 - __builtin_clzll(static_cast<unsigned long long>(v));
        const auto i = static_cast<std::size_t>((octave - 5) * 64 + ((v >> (octave - 6)) - 64));
        return std::min(i, kBuckets - 1);
    }
    static std::int64_t lower(std::size_t i) {
        if (i < 64) return static_cast<std::int64_t>(i);
        const auto octave = i / 64 + 5;
        return static_cast<std::int64_t>((i % 64 + 64) << (octave - 6));
    }
    std::vector<std::int64_t> counts_ = std::vector<std::int64_t>(kBuckets);
    std::int64_t total_ = 0;
    std::int64_t max_ = 0;
};

}  // namespace load

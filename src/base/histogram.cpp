#include "base/metrics.h"

#include <algorithm>
#include <array>
#include <bit>

/// Buckets of two significant digits.
namespace penstock::metrics {

namespace {

constexpr std::array<std::uint64_t, 10> kTen{
    10ULL,
    100ULL,
    1'000ULL,
    10'000ULL,
    100'000ULL,
    1'000'000ULL,
    10'000'000ULL,
    100'000'000ULL,
    1'000'000'000ULL,
    10'000'000'000ULL
};

/// The decade of a value above 99 that has so many bits, or the one below: 10^(d+2) .. 10^(d+3).
constexpr std::array<std::uint8_t, 65> kDecadeOfBits = [] {
    std::array<std::uint8_t, 65> decades{};
    for (std::size_t bits = 1; bits <= 64; ++bits) {
        const std::uint64_t smallest = 1ULL << (bits - 1);
        std::uint8_t decade = 0;
        while (decade + 1U < Histogram::kDecades && smallest >= kTen[decade + 1U] * 10)
            ++decade;
        decades[bits] = decade;
    }
    return decades;
}();

/// The value without its last `decade + 1` digits; divisors are constants, so that no division is
/// done.
std::uint64_t leading_digits(std::uint64_t value, std::size_t decade) noexcept {
    switch (decade) {
        case 0:
            return value / 10;
        case 1:
            return value / 100;
        case 2:
            return value / 1'000;
        case 3:
            return value / 10'000;
        case 4:
            return value / 100'000;
        case 5:
            return value / 1'000'000;
        case 6:
            return value / 10'000'000;
        case 7:
            return value / 100'000'000;
        case 8:
            return value / 1'000'000'000;
        default:
            return value / 10'000'000'000;
    }
}

}  // namespace

std::size_t Histogram::index_of(std::uint64_t value) noexcept {
    if (value < kExact) return value;
    // Buckets are closed at the top: (100, 110], (110, 120], .. (990, 1000], (1000, 1100], ..
    const std::uint64_t below = value - 1;
    std::size_t decade = kDecadeOfBits[64U - static_cast<unsigned>(std::countl_zero(below))];
    if (decade + 1 < kDecades && below >= kTen[decade + 1] * 10) ++decade;
    const std::uint64_t leading = leading_digits(below, decade);
    if (leading >= 100) return kBuckets - 1;
    return kExact + decade * kPerDecade + (leading - 10);
}

std::uint64_t Histogram::upper_bound(std::size_t index) noexcept {
    if (index < kExact) return index;
    const std::size_t above = std::min(index, kBuckets - 1) - kExact;
    return (above % kPerDecade + 11) * kTen[above / kPerDecade];
}

void Distribution::add(const Histogram& histogram) noexcept {
    for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
        const std::uint64_t n = histogram.counts_[i].load(std::memory_order_relaxed);
        counts[i] += n;
        count += n;
    }
    sum += histogram.sum_.load(std::memory_order_relaxed);
}

std::uint64_t Distribution::quantile(double q) const noexcept {
    if (count == 0) return 0;
    const double wanted = std::clamp(q, 0.0, 1.0) * static_cast<double>(count);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        seen += counts[i];
        if (seen > 0 && static_cast<double>(seen) >= wanted) return Histogram::upper_bound(i);
    }
    return Histogram::upper_bound(Histogram::kBuckets - 1);
}

}  // namespace penstock::metrics

#pragma once

#include "penstock/result.h"

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock {

/// A number of bytes, as settings write it: `64MiB`, `512KiB`, `10GiB`, `4096B`.
/// Threads: immutable.
struct ByteCount {
    std::uint64_t value = 0;
    constexpr auto operator<=>(const ByteCount&) const = default;
};

/// A span of time, as settings write it: `2ms`, `30s`, `1h`, `1h30m`.
using Duration = std::chrono::nanoseconds;

// `64_MiB` in code, wherever names of penstock are visible.
inline namespace literals {
constexpr ByteCount operator""_B(unsigned long long n) {
    return {n};
}
constexpr ByteCount operator""_KiB(unsigned long long n) {
    return {n << 10};
}
constexpr ByteCount operator""_MiB(unsigned long long n) {
    return {n << 20};
}
constexpr ByteCount operator""_GiB(unsigned long long n) {
    return {n << 30};
}
}  // namespace literals

}  // namespace penstock

namespace penstock::config {

/// A number and one of B, KiB, MiB, GiB, TiB (powers of 1024) or kB, MB, GB, TB (powers of 1000),
/// as in `64MiB`, `1.5GiB`. A number without a unit is refused, except 0, and so is what is not a
/// whole number of bytes.
[[nodiscard]] Result<ByteCount> parse_byte_count(std::string_view text);

/// Numbers with one of ns, us, ms, s, m, h, d, as in `2ms`, `1.5s`, `1h30m`. A number without a
/// unit is refused, except 0; so are negative spans and those beyond 292 years.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);

/// The shortest exact form: `64MiB`, `1000B`, `90s`, `1500us`.
[[nodiscard]] std::string print(ByteCount bytes);
[[nodiscard]] std::string print(Duration span);

}  // namespace penstock::config

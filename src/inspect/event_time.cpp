#include "inspect/event_time.h"

#include "base/iso_time.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace penstock::inspect {
namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool append_digit(std::int64_t& value, char digit) noexcept {
    return !__builtin_mul_overflow(value, 10, &value) &&
           !__builtin_add_overflow(value, digit - '0', &value);
}

Nanoseconds unit_of(TimeFormat format, std::int64_t whole) noexcept {
    switch (format) {
        case TimeFormat::seconds:
            return kSecond;
        case TimeFormat::milliseconds:
            return kMillisecond;
        case TimeFormat::microseconds:
            return kMicrosecond;
        case TimeFormat::nanoseconds:
            return 1;
        default:
            break;
    }
    if (whole < 100'000'000'000) return kSecond;
    if (whole < 100'000'000'000'000) return kMillisecond;
    return whole < 100'000'000'000'000'000 ? kMicrosecond : 1;
}

/// `123`, `123.456`; times before 1970 and exponents are no event times.
std::optional<Nanoseconds> parse_epoch(std::string_view text, TimeFormat format) noexcept {
    std::int64_t whole = 0;
    std::size_t i = 0;
    for (; i < text.size() && is_digit(text[i]); ++i) {
        if (!append_digit(whole, text[i])) return std::nullopt;
    }
    if (i == 0) return std::nullopt;
    const Nanoseconds unit = unit_of(format, whole);
    Nanoseconds wall = 0;
    if (__builtin_mul_overflow(whole, unit, &wall)) return std::nullopt;
    if (i == text.size()) return wall;
    if (text[i] != '.' || i + 1 == text.size()) return std::nullopt;
    Nanoseconds digit_unit = unit / 10;
    for (++i; i < text.size(); ++i, digit_unit /= 10) {
        if (!is_digit(text[i])) return std::nullopt;
        if (__builtin_add_overflow(wall, (text[i] - '0') * digit_unit, &wall)) return std::nullopt;
    }
    return wall;
}

/// Two digits at `p`, or a number from 100 on.
unsigned two_digits(const char* p) noexcept {
    const auto high = static_cast<unsigned char>(p[0] - '0');
    const auto low = static_cast<unsigned char>(p[1] - '0');
    return high > 9 || low > 9 ? 100 : high * 10U + low;
}

/// Days since 1970 of a date from 1970 to 2099, when every fourth year has 366 days.
std::int64_t days_of(unsigned year, unsigned month, unsigned day) noexcept {
    constexpr std::array<std::uint16_t, 12> kBefore{
        0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334
    };
    const unsigned leap = month > 2 && year % 4 == 0 ? 1 : 0;
    return (year - 1970) * 365 + (year - 1969) / 4 + kBefore[month - 1] + leap + day - 1;
}

/// What nearly every device writes: `2026-01-02T03:04:05Z`, with up to nine decimals. Anything
/// else: nothing.
std::optional<Nanoseconds> parse_common_time(std::string_view text) noexcept {
    if (text.size() < 20 || text.size() > 30) return std::nullopt;
    const char* const p = text.data();
    if (p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':' || p[16] != ':')
        return std::nullopt;
    if (text.back() != 'Z') return std::nullopt;
    const unsigned century = two_digits(p);
    const unsigned within = two_digits(p + 2);
    const unsigned year = century * 100 + within;
    const unsigned month = two_digits(p + 5);
    const unsigned day = two_digits(p + 8);
    const unsigned hour = two_digits(p + 11);
    const unsigned minute = two_digits(p + 14);
    const unsigned second = two_digits(p + 17);
    const bool date =
        within < 100 && year >= 1970 && year <= 2099 && month - 1 < 12 && day - 1 < 28;
    if (!date || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    std::int64_t nanos = 0;
    if (text.size() > 20) {
        if (p[19] != '.' || text.size() == 21) return std::nullopt;
        std::int64_t unit = 100'000'000;
        for (std::size_t i = 20; i + 1 < text.size(); ++i, unit /= 10) {
            if (!is_digit(p[i])) return std::nullopt;
            nanos += (p[i] - '0') * unit;
        }
    }
    const std::int64_t seconds =
        days_of(year, month, day) * 86'400 + hour * 3'600 + minute * 60 + second;
    return seconds * kSecond + nanos;
}

}  // namespace

std::optional<Nanoseconds> parse_event_time(const Known& field, TimeFormat format) noexcept {
    using Kind = Known::Kind;
    if (field.kind == Kind::integer || field.kind == Kind::number) {
        if (format == TimeFormat::iso8601) return std::nullopt;
        return parse_epoch(field.view(), format);
    }
    if (field.kind != Kind::string) return std::nullopt;
    const bool iso = format == TimeFormat::automatic || format == TimeFormat::iso8601;
    if (iso) {
        if (const auto wall = parse_common_time(field.view())) return wall;
        if (const auto wall = parse_iso_time(field.view())) return wall;
    }
    return format == TimeFormat::iso8601 ? std::nullopt : parse_epoch(field.view(), format);
}

}  // namespace penstock::inspect

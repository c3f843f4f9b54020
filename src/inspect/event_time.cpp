#include "inspect/event_time.h"

#include "base/iso_time.h"

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
        if (const auto wall = parse_iso_time(field.view())) return wall;
    }
    return format == TimeFormat::iso8601 ? std::nullopt : parse_epoch(field.view(), format);
}

}  // namespace penstock::inspect

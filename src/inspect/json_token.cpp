#include "inspect/json_token.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace penstock::inspect {
namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

int hex_value(char c) noexcept {
    if (is_digit(c)) return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Four hexadecimal digits, or -1.
int hex4(const char* p, const char* end) noexcept {
    if (end - p < 4) return -1;
    int value = 0;
    for (int i = 0; i < 4; ++i) {
        const int digit = hex_value(p[i]);
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

bool is_high_surrogate(int unit) noexcept {
    return unit >= 0xd800 && unit < 0xdc00;
}
bool is_low_surrogate(int unit) noexcept {
    return unit >= 0xdc00 && unit < 0xe000;
}

/// Behind the escape at `p` (its backslash), or null with the fault in `error`.
const char* check_escape(const char* p, const char* end, TokenError& error) noexcept {
    constexpr std::string_view kShort = "\"\\/bfnrt";
    if (end - p < 2) {
        error = "a string without its closing quote";
        return nullptr;
    }
    if (kShort.find(p[1]) != std::string_view::npos) return p + 2;
    if (p[1] != 'u') {
        error = "an unknown escape in a string";
        return nullptr;
    }
    const int unit = hex4(p + 2, end);
    if (unit < 0) {
        error = "a \\u escape without four hexadecimal digits";
        return nullptr;
    }
    if (!is_high_surrogate(unit) && !is_low_surrogate(unit)) return p + 6;
    const bool follows = is_high_surrogate(unit) && end - p >= 12 && p[6] == '\\' && p[7] == 'u' &&
                         is_low_surrogate(hex4(p + 8, end));
    if (follows) return p + 12;
    error = "a lone surrogate in a string";
    return nullptr;
}

/// Whether the magnitude of a number that from_chars() cannot hold is too large, rather than too
/// small.
bool too_large(const char* p, const char* end) noexcept {
    std::int64_t magnitude = 0;  // power of ten of the first digit that is not 0
    bool seen = false;
    bool point = false;
    for (; p < end && (*p | 0x20) != 'e'; ++p) {
        if (*p == '.') point = true;
        if (!is_digit(*p)) continue;
        seen |= *p != '0';
        if (seen && !point) ++magnitude;
        if (!seen && point) --magnitude;
    }
    if (p == end) return magnitude > 0;
    const bool negative = *++p == '-';
    if (*p == '-' || *p == '+') ++p;
    std::int64_t exponent = 0;
    for (; p < end; ++p)
        exponent = std::min<std::int64_t>(exponent * 10 + (*p - '0'), 1 << 30);
    return magnitude + (negative ? -exponent : exponent) > 0;
}

bool fits_int64(const char* p, const char* end) noexcept {
    std::int64_t value = 0;
    return std::from_chars(p, end, value).ec == std::errc{};
}

}  // namespace

StringToken scan_rest_of_string(const char* p, const char* end) noexcept {
    StringToken token;
    while (p < end) {
        const std::uint32_t stops = string_stops(p);
        if (stops == 0) {
            p += kBlock;
            continue;
        }
        p += __builtin_ctz(stops);
        if (p >= end) break;
        if (*p == '"') {
            token.close = p;
            return token;
        }
        token.close = p;
        if (*p != '\\') {
            token.error = "a control character in a string";
            return token;
        }
        token.escaped = true;
        p = check_escape(p, end, token.error);
        if (p == nullptr) return token;
    }
    token.close = end;
    return token;
}

NumberToken scan_long_number(const char* p, const char* end) noexcept {
    const char* const begin = p;
    if (*p == '-') ++p;
    if (p >= end || !is_digit(*p)) return {p, {}, "a minus without a number"};
    const char* const whole = p;
    while (p < end && is_digit(*p))
        ++p;
    if (*whole == '0' && p - whole > 1) return {whole, {}, "a number with a leading zero"};
    FieldType type = FieldType::integer;
    bool exponent = false;
    if (p < end && *p == '.') {
        type = FieldType::number;
        const char* const fraction = ++p;
        while (p < end && is_digit(*p))
            ++p;
        if (p == fraction) return {p, {}, "a number without digits after its point"};
    }
    if (p < end && (*p | 0x20) == 'e') {
        type = FieldType::number;
        exponent = true;
        ++p;
        if (p < end && (*p == '+' || *p == '-')) ++p;
        const char* const power = p;
        while (p < end && is_digit(*p))
            ++p;
        if (p == power) return {p, {}, "a number without digits in its exponent"};
    }
    if (type == FieldType::integer && !fits_int64(begin, p)) type = FieldType::number;
    constexpr std::ptrdiff_t kAlwaysInRange = 300;
    if (exponent || p - begin > kAlwaysInRange) {
        double value = 0;
        const auto outcome = std::from_chars(begin, p, value);
        if (outcome.ec == std::errc::result_out_of_range && too_large(begin, p))
            return {begin, {}, "a number beyond the range of a 64-bit float"};
    }
    return {p, type, nullptr};
}

namespace detail {

std::size_t decode_escape(const char*& p, char* utf8) noexcept {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    if (p[1] != 'u') {
        utf8[0] = kValues[kNames.find(p[1])];
        p += 2;
        return 1;
    }
    auto code = static_cast<std::uint32_t>(hex4(p + 2, p + 6));
    p += 6;
    if (code >= 0xd800 && code < 0xdc00) {
        const auto low = static_cast<std::uint32_t>(hex4(p + 2, p + 6));
        p += 6;
        code = 0x10000 + ((code - 0xd800) << 10U) + (low - 0xdc00);
    }
    const auto tail = [code](unsigned shift) {
        return static_cast<char>(0x80U | ((code >> shift) & 0x3fU));
    };
    if (code < 0x80) {
        utf8[0] = static_cast<char>(code);
        return 1;
    }
    if (code < 0x800) {
        utf8[0] = static_cast<char>(0xc0U | (code >> 6U));
        utf8[1] = tail(0);
        return 2;
    }
    if (code < 0x10000) {
        utf8[0] = static_cast<char>(0xe0U | (code >> 12U));
        utf8[1] = tail(6);
        utf8[2] = tail(0);
        return 3;
    }
    utf8[0] = static_cast<char>(0xf0U | (code >> 18U));
    utf8[1] = tail(12);
    utf8[2] = tail(6);
    utf8[3] = tail(0);
    return 4;
}

}  // namespace detail

}  // namespace penstock::inspect

#include "config/units.h"

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>

namespace penstock::config {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t size;
};

constexpr std::uint64_t kKilo = 1'000;
constexpr std::uint64_t kScaleMax = 1'000'000'000'000'000'000;  // ten times this fits 64 bits

// Both from the largest down, in the order in which `print` tries them.
constexpr std::array<Unit, 9> kByteUnits{{
    {"TiB", 1ULL << 40U},
    {"GiB", 1ULL << 30U},
    {"MiB", 1ULL << 20U},
    {"KiB", 1ULL << 10U},
    {"TB", kKilo* kKilo* kKilo* kKilo},
    {"GB", kKilo* kKilo* kKilo},
    {"MB", kKilo* kKilo},
    {"kB", kKilo},
    {"B", 1},
}};
constexpr std::array<Unit, 7> kTimeUnits{{
    {"d", 86'400'000'000'000},
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
}};

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// Takes digits off the front; `scale` is 10 to their number. Nothing when there are none, or too
/// many for 64 bits.
std::optional<std::uint64_t> take_digits(std::string_view& text, std::uint64_t& scale) noexcept {
    std::uint64_t value = 0;
    bool fits = !text.empty() && is_digit(text[0]);
    scale = 1;
    while (!text.empty() && is_digit(text[0])) {
        const auto digit = static_cast<std::uint64_t>(text[0] - '0');
        fits = fits && !__builtin_mul_overflow(value, 10U, &value) &&
               !__builtin_add_overflow(value, digit, &value) && scale <= kScaleMax;
        scale *= 10;
        text.remove_prefix(1);
    }
    if (!fits) return std::nullopt;
    return value;
}

/// Takes one number with its unit off the front; nothing when it is none, is not whole in the
/// smallest unit, or overflows.
std::optional<std::uint64_t> take_quantity(
    std::string_view& text, std::span<const Unit> units
) noexcept {
    std::uint64_t scale = 1;
    const auto whole = take_digits(text, scale);
    if (!whole) return std::nullopt;
    std::uint64_t fraction = 0;
    scale = 1;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        const auto digits = take_digits(text, scale);
        if (!digits) return std::nullopt;
        fraction = *digits;
    }
    if (text.starts_with(' ')) text.remove_prefix(1);
    std::size_t length = 0;
    while (length < text.size() && !is_digit(text[length]))
        ++length;
    for (const Unit& unit : units) {
        if (text.substr(0, length) != unit.name) continue;
        text.remove_prefix(length);
        std::uint64_t part = 0;
        std::uint64_t total = 0;
        if (__builtin_mul_overflow(fraction, unit.size, &part) || part % scale != 0)
            return std::nullopt;
        if (__builtin_mul_overflow(*whole, unit.size, &total)) return std::nullopt;
        if (__builtin_add_overflow(total, part / scale, &total)) return std::nullopt;
        return total;
    }
    return std::nullopt;
}

std::string print_in(std::span<const Unit> units, std::uint64_t value) {
    if (value == 0) return "0";
    for (const Unit& unit : units) {
        if (value % unit.size == 0)
            return std::to_string(value / unit.size) + std::string(unit.name);
    }
    return std::to_string(value);
}

}  // namespace

Result<ByteCount> parse_byte_count(std::string_view text) {
    if (text == "0") return ByteCount{0};
    std::string_view rest = text;
    const auto value = take_quantity(rest, kByteUnits);
    if (!value || !rest.empty()) {
        return Error{
            Errc::malformed, "must be a size with its unit, such as 64MiB, 512KiB or 100B"
        };
    }
    return ByteCount{*value};
}

Result<Duration> parse_duration(std::string_view text) {
    const Error malformed{
        Errc::malformed, "must be a span of time with its unit, such as 2ms, 30s or 1h30m"
    };
    if (text == "0") return Duration{0};
    if (text.empty()) return malformed;
    std::uint64_t total = 0;
    for (std::string_view rest = text; !rest.empty();) {
        const auto value = take_quantity(rest, kTimeUnits);
        if (!value || __builtin_add_overflow(total, *value, &total)) return malformed;
    }
    if (total > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return malformed;
    return Duration{static_cast<std::int64_t>(total)};
}

std::string print(ByteCount bytes) {
    return print_in(kByteUnits, bytes.value);
}

std::string print(Duration span) {
    if (span.count() < 0)
        return '-' + print_in(kTimeUnits, 0 - static_cast<std::uint64_t>(span.count()));
    return print_in(kTimeUnits, static_cast<std::uint64_t>(span.count()));
}

}  // namespace penstock::config

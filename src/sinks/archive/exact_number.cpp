#include "sinks/archive/exact_number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace penstock::sinks {

namespace {

/// So many digits are always had back. (std::numeric_limits<double>::digits10)
constexpr std::size_t kAlways = 15;
/// No double needs more to be told from its neighbours. (max_digits10)
constexpr std::size_t kMost = 17;

struct Digits {
    std::array<char, kMost> text{};  // without leading and trailing zeros
    std::size_t size = 0;            // kMost + 1: more than fit

    [[nodiscard]] std::string_view view() const noexcept { return {text.data(), size}; }
};

/// The significant digits of a number: from the first to the last that is not 0.
Digits significant(std::string_view number) noexcept {
    Digits digits;
    std::size_t zeros = 0;  // that wait for another digit behind them
    for (const char c : number) {
        if (c == 'e' || c == 'E') break;
        if (c < '0' || c > '9') continue;
        if (c == '0') {
            zeros += digits.size > 0 ? 1U : 0U;
            continue;
        }
        if (digits.size + zeros >= kMost) {
            digits.size = kMost + 1;
            return digits;
        }
        for (; zeros > 0; --zeros)
            digits.text[digits.size++] = '0';
        digits.text[digits.size++] = c;
    }
    return digits;
}

}  // namespace

std::optional<double> exact_number(std::string_view text) noexcept {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (text.size() <= kAlways && std::isnormal(value)) return value;
    const Digits digits = significant(text);
    if (digits.size > kMost) return std::nullopt;
    if (digits.size == 0) return value;  // zero, of either sign
    if (digits.size <= kAlways && std::isnormal(value)) return value;
    std::array<char, 32> printed{};
    const auto [last, failed] = std::to_chars(
        printed.data(),
        printed.data() + printed.size(),
        value,
        std::chars_format::scientific,
        static_cast<int>(digits.size) - 1
    );
    if (failed != std::errc{}) return std::nullopt;
    const std::string_view again(printed.data(), static_cast<std::size_t>(last - printed.data()));
    return significant(again).view() == digits.view() ? std::optional(value) : std::nullopt;
}

}  // namespace penstock::sinks

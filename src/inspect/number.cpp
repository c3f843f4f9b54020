#include "inspect/number.h"

#include <array>
#include <charconv>
#include <cmath>

namespace penstock::inspect {
namespace {

constexpr std::array<double, 23> kPowersOfTen{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::size_t kExactDigits = 15;

double parse_slowly(std::string_view text) noexcept {
    double value = 0;
    const auto outcome = std::from_chars(text.data(), text.data() + text.size(), value);
    if (outcome.ec == std::errc::result_out_of_range) return text.front() == '-' ? -0.0 : 0.0;
    return value;
}

}  // namespace

double parse_number(std::string_view text) noexcept {
    const bool negative = text.front() == '-';
    if (text.size() > kExactDigits + 1 + (negative ? 1U : 0U)) return parse_slowly(text);
    std::uint64_t digits = 0;
    std::size_t point = text.size();
    for (std::size_t i = negative ? 1 : 0; i < text.size(); ++i) {
        const auto digit = static_cast<unsigned char>(text[i] - '0');
        if (digit < 10) {
            digits = digits * 10 + digit;
        } else if (text[i] == '.') {
            point = i + 1;
        } else {
            return parse_slowly(text);
        }
    }
    if (digits > std::uint64_t{1} << 53U) return parse_slowly(text);
    const double value = static_cast<double>(digits) / kPowersOfTen[text.size() - point];
    return negative ? -value : value;
}

std::size_t write_number(double value, char* out) noexcept {
    if (value == 0) value = std::abs(value);  // no "-0"
    return static_cast<std::size_t>(std::to_chars(out, out + kNumberTextSize, value).ptr - out);
}

}  // namespace penstock::inspect

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::inspect {

/// The double nearest to a JSON number, the same for the same text everywhere and always. Numbers
/// of up to 15 digits with a small exponent take the exact short way (W. D. Clinger, "How to read
/// floating point numbers accurately", 1990); others std::from_chars, which gives infinity for
/// none: a number too small is 0. Precondition: scan_number() took the text.
[[nodiscard]] double parse_number(std::string_view text) noexcept;

/// Writes the shortest text that reads back as the same finite number. Returns its size.
constexpr std::size_t kNumberTextSize = 32;
std::size_t write_number(double value, char* out) noexcept;

}  // namespace penstock::inspect

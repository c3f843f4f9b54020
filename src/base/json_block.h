#pragma once

#include "base/byte_bits.h"

#include <cstdint>

namespace penstock {

/// Which of 64 bytes of JSON mean something outside of strings; a bit for each byte.
/// Threads: owner.
struct JsonBlock {
    std::uint64_t inside = 0;  // a string, its opening quote too
    std::uint64_t opens = 0;   // [ and {
    std::uint64_t closes = 0;
    std::uint64_t commas = 0;

    /// Reads the 64 bytes at `p`. `string`: whether a string has begun before them; then, whether
    /// one goes on behind them. False, and nothing is changed: there is a backslash among them.
    bool read(const char* p, bool& string) noexcept {
        constexpr std::uint8_t kCurly = 0x20;  // [ and { differ in this bit, ] and } too
        if (bits_equal(p, '\\') != 0) return false;
        inside = parity_up_to(bits_equal(p, '"'));
        if (string) inside = ~inside;
        string = inside >> 63U != 0;
        opens = bits_equal(p, '{', kCurly) & ~inside;
        closes = bits_equal(p, '}', kCurly) & ~inside;
        commas = bits_equal(p, ',') & ~inside;
        return true;
    }
};

}  // namespace penstock

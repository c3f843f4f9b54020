#include "base/base64.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace penstock {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> kDigits = [] {
    std::array<std::uint8_t, 256> digits{};
    digits.fill(kNoDigit);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i)
        digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
    return digits;
}();

}  // namespace

void append_base64(std::string_view bytes, std::string& out) {
    std::uint32_t bits = 0;
    unsigned pending = 0;
    for (const char c : bytes) {
        bits = bits << 8U | static_cast<unsigned char>(c);
        for (pending += 8; pending >= 6; pending -= 6)
            out += kAlphabet[(bits >> (pending - 6)) & 63U];
    }
    if (pending == 0) return;
    out += kAlphabet[(bits << (6 - pending)) & 63U];
    out.append(pending == 2 ? 2 : 1, '=');
}

std::optional<std::string> base64_decoded(std::string_view text) {
    if (text.size() % 4 == 0 && text.ends_with('='))
        text.remove_suffix(text.ends_with("==") ? 2 : 1);
    std::string bytes;
    std::uint32_t bits = 0;
    unsigned pending = 0;
    for (const char c : text) {
        const std::uint8_t digit = kDigits[static_cast<unsigned char>(c)];
        if (digit == kNoDigit) return std::nullopt;
        bits = bits << 6U | digit;
        pending += 6;
        if (pending < 8) continue;
        pending -= 8;
        bytes += static_cast<char>((bits >> pending) & 0xffU);
    }
    const bool rest = pending >= 6 || (bits & ((1U << pending) - 1)) != 0;
    if (rest) return std::nullopt;
    return bytes;
}

}  // namespace penstock

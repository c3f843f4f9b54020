#include "base/utf8.h"

#include <cstddef>
#include <cstring>

namespace penstock::text {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighs = 0x8080808080808080;

/// True when all eight bytes are 0x20..0x7E.
bool printable(std::uint64_t word) noexcept {
    const std::uint64_t below_space = (word - kOnes * 0x20) & ~word;
    const std::uint64_t delete_sign = word ^ (kOnes * 0x7f);
    const std::uint64_t is_delete = (delete_sign - kOnes) & ~delete_sign;
    return ((word | below_space | is_delete) & kHighs) == 0;
}

struct Decoded {
    std::uint32_t code = 0;
    std::size_t size = 0;  // 0: malformed
};

Decoded decode(const unsigned char* p, std::size_t left) noexcept {
    const auto tail = [&](std::size_t i) { return (p[i] & 0xC0U) == 0x80U; };
    const std::uint32_t lead = p[0];
    if (lead < 0x80) return {lead, 1};
    if (lead >= 0xC2 && lead < 0xE0 && left >= 2 && tail(1)) {
        return {(lead & 0x1FU) << 6 | (p[1] & 0x3FU), 2};
    }
    if (lead >= 0xE0 && lead < 0xF0 && left >= 3 && tail(1) && tail(2)) {
        const std::uint32_t code = (lead & 0x0FU) << 12 | (p[1] & 0x3FU) << 6 | (p[2] & 0x3FU);
        if (code >= 0x800 && (code < 0xD800 || code > 0xDFFF)) return {code, 3};
    }
    if (lead >= 0xF0 && lead < 0xF5 && left >= 4 && tail(1) && tail(2) && tail(3)) {
        const std::uint32_t code =
            (lead & 0x07U) << 18 | (p[1] & 0x3FU) << 12 | (p[2] & 0x3FU) << 6 | (p[3] & 0x3FU);
        if (code >= 0x10000 && code <= 0x10FFFF) return {code, 4};
    }
    return {};
}

bool unusual(std::uint32_t code) noexcept {
    if (code < 0x20 || (code >= 0x7F && code <= 0x9F)) return true;
    return (code & 0xFFFEU) == 0xFFFE || (code >= 0xFDD0 && code <= 0xFDEF);
}

}  // namespace

Text classify_utf8(std::string_view text) noexcept {
    const char* p = text.data();
    std::size_t left = text.size();
    Text worst = Text::clean;
    while (left != 0) {
        if (left >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, p, 8);
            if (printable(word)) {
                p += 8;
                left -= 8;
                continue;
            }
        }
        const Decoded next = decode(reinterpret_cast<const unsigned char*>(p), left);
        if (next.size == 0 || next.code == 0) return Text::malformed;
        if (unusual(next.code)) worst = Text::unusual;
        p += next.size;
        left -= next.size;
    }
    return worst;
}

}  // namespace penstock::text

#include "base/json_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace penstock {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

std::uint8_t byte_at(std::string_view text, std::size_t i) noexcept {
    return static_cast<std::uint8_t>(text[i]);
}

bool continues(std::string_view text, std::size_t i) noexcept {
    return i < text.size() && (byte_at(text, i) & 0xc0U) == 0x80U;
}

/// Bytes of the character that begins at `i`; 0 when there is none (RFC 3629 section 4).
std::size_t utf8_size(std::string_view text, std::size_t i) noexcept {
    const std::uint8_t lead = byte_at(text, i);
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4 || !continues(text, i + 1)) return 0;
    if (lead < 0xe0) return 2;
    const std::uint8_t second = byte_at(text, i + 1);
    if (!continues(text, i + 2)) return 0;
    if (lead < 0xf0) {
        const bool overlong = lead == 0xe0 && second < 0xa0;
        const bool surrogate = lead == 0xed && second > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (!continues(text, i + 3)) return 0;
    const bool overlong = lead == 0xf0 && second < 0x90;
    const bool beyond = lead == 0xf4 && second > 0x8f;
    return overlong || beyond ? 0 : 4;
}

/// A byte that stands for itself between quotes.
constexpr std::array<bool, 256> kPlain = [] {
    std::array<bool, 256> plain{};
    for (std::size_t c = 0x20; c < 0x7f; ++c)
        plain[c] = c != '"' && c != '\\';
    return plain;
}();

void append_u_escape(unsigned code, std::string& out) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4)
        out += kDigits[(code >> shift) & 0xfU];
}

void append_ascii(char c, std::string& out) {
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            append_u_escape(static_cast<unsigned char>(c), out);
    }
}

/// Characters of three bytes that turn text around or end a line for some readers.
bool deceptive(unsigned code) noexcept {
    return (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

void append_wide(std::string_view character, std::string& out) {
    if (character.size() == 2 && byte_at(character, 0) == 0xc2 && byte_at(character, 1) < 0xa0)
        return append_u_escape(byte_at(character, 1), out);  // C1 controls
    if (character.size() == 3) {
        const unsigned code = (byte_at(character, 0) & 0xfU) << 12U |
                              (byte_at(character, 1) & 0x3fU) << 6U |
                              (byte_at(character, 2) & 0x3fU);
        if (deceptive(code)) return append_u_escape(code, out);
    }
    out += character;
}

template <class T>
void append_chars(T value, std::string& out) {
    std::array<char, 32> text;
    const auto* const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out.append(text.data(), static_cast<std::size_t>(end - text.data()));
}

}  // namespace

bool valid_utf8(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t size = utf8_size(text, i);
        if (size == 0) return false;
        i += size;
    }
    return true;
}

void append_json_string(std::string_view text, std::string& out) {
    out += '"';
    for (std::size_t i = 0; i < text.size();) {
        std::size_t run = i;
        while (run < text.size() && kPlain[byte_at(text, run)])
            ++run;
        out.append(text, i, run - i);
        i = run;
        if (i == text.size()) break;
        const std::size_t size = utf8_size(text, i);
        if (size == 0) {
            out += kReplacement;
        } else if (size == 1) {
            append_ascii(text[i], out);
        } else {
            append_wide(text.substr(i, size), out);
        }
        i += size == 0 ? 1 : size;
    }
    out += '"';
}

void append_json_number(double value, std::string& out) {
    if (!std::isfinite(value)) {
        out += "null";
        return;
    }
    append_chars(value, out);
}

void append_json_number(std::uint64_t value, std::string& out) {
    append_chars(value, out);
}

void append_json_number(std::int64_t value, std::string& out) {
    append_chars(value, out);
}

}  // namespace penstock

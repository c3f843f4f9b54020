#include "penstock/record.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

namespace penstock {

std::optional<double> Field::number() const noexcept {
    if (type != FieldType::integer && type != FieldType::number) return std::nullopt;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end != text.data() + text.size()) return std::nullopt;
    if (error == std::errc::result_out_of_range) {
        // Too large, or so small that it counts as 0: std::from_chars does not say which.
        value = std::strtod(std::string(text).c_str(), nullptr);
        if (!std::isfinite(value)) return std::nullopt;
    } else if (error != std::errc{}) {
        return std::nullopt;
    }
    return value;
}

namespace {

void append_utf8(std::uint32_t code, std::string& out) {
    const auto put = [&out](std::uint32_t byte) {
        out += static_cast<char>(static_cast<unsigned char>(byte));
    };
    if (code < 0x80) return put(code);
    if (code < 0x800) {
        put(0xc0U | (code >> 6U));
    } else {
        if (code < 0x10000) {
            put(0xe0U | (code >> 12U));
        } else {
            put(0xf0U | (code >> 18U));
            put(0x80U | ((code >> 12U) & 0x3fU));
        }
        put(0x80U | ((code >> 6U) & 0x3fU));
    }
    put(0x80U | (code & 0x3fU));
}

/// The four hexadecimal digits at `at`, or nothing.
std::optional<std::uint32_t> hex4(std::string_view text, std::size_t at) noexcept {
    if (at + 4 > text.size()) return std::nullopt;
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 4, value, 16);
    if (error != std::errc{} || end != text.data() + at + 4) return std::nullopt;
    return value;
}

constexpr std::uint32_t kReplacement = 0xfffd;

/// One \uXXXX (or a surrogate pair) whose `u` stands at `at`; returns how many bytes of text it
/// took.
std::size_t append_code(std::string_view text, std::size_t at, std::string& out) {
    const auto high = hex4(text, at + 1);
    if (!high) {
        append_utf8(kReplacement, out);
        return 1;
    }
    if (*high < 0xd800 || *high > 0xdfff) {
        append_utf8(*high, out);
        return 5;
    }
    const bool pair =
        *high < 0xdc00 && at + 6 < text.size() && text[at + 5] == '\\' && text[at + 6] == 'u';
    const auto low = pair ? hex4(text, at + 7) : std::nullopt;
    if (!low || *low < 0xdc00 || *low > 0xdfff) {
        append_utf8(kReplacement, out);
        return 5;
    }
    append_utf8(0x10000U + ((*high - 0xd800U) << 10U) + (*low - 0xdc00U), out);
    return 11;
}

}  // namespace

// RFC 8259 section 7.
void append_unescaped(const Field& field, std::string& out) {
    const auto text = field.text;
    if (!field.escaped) {
        out += text;
        return;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        const char escape = text[++i];
        switch (escape) {
            case 'b':
                out += '\b';
                break;
            case 'f':
                out += '\f';
                break;
            case 'n':
                out += '\n';
                break;
            case 'r':
                out += '\r';
                break;
            case 't':
                out += '\t';
                break;
            case 'u':
                i += append_code(text, i, out) - 1;
                break;
            default:
                out += escape;
                break;
        }
    }
}

}  // namespace penstock

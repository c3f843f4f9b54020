#include "base/text.h"

#include "base/json_text.h"
#include "penstock/ids.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <system_error>

namespace penstock::text {

namespace {

constexpr std::string_view kHexLower = "0123456789abcdef";
constexpr std::string_view kHexUpper = "0123456789ABCDEF";

unsigned byte(char c) noexcept {
    return static_cast<unsigned char>(c);
}

bool is_unreserved(char c) noexcept {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

void append_percent(std::string& out, char c) {
    out += '%';
    out += kHexUpper[byte(c) >> 4U];
    out += kHexUpper[byte(c) & 0xFU];
}

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

template <class T>
std::optional<T> parse_whole(std::string_view text) noexcept {
    T value{};
    const char* const first = text.data();  // NOLINT(bugprone-suspicious-stringview-data-usage)
    const char* const last = first + text.size();
    const auto [end, error] = std::from_chars(first, last, value);
    if (error != std::errc{} || end != last) return std::nullopt;
    return value;
}

}  // namespace

std::string_view cut(std::string_view text, std::size_t bytes_max) noexcept {
    if (text.size() <= bytes_max) return text;
    std::size_t end = bytes_max;
    // Back to the first byte of the character that would be split; a character has at most three
    // bytes after it.
    for (int i = 0; i < 3 && end > 0 && (byte(text[end]) & 0xC0U) == 0x80U; ++i)
        --end;
    return text.substr(0, end);
}

void append_log_string(std::string& out, std::string_view text, std::size_t bytes_max) {
    append_json_string(cut(text, bytes_max), out);
    if (text.size() <= bytes_max) return;
    out.pop_back();
    out += "...\"";
}

void append_percent_encoded(std::string& out, std::string_view text) {
    for (const char c : text) {
        if (is_unreserved(c)) {
            out += c;
        } else {
            append_percent(out, c);
        }
    }
}

void append_path_component(std::string& out, std::string_view text, std::size_t bytes_max) {
    if (text.empty()) {
        out += "%00";
        return;
    }
    if (text == "." || text == "..") {
        for (const char c : text)
            append_percent(out, c);
        return;
    }
    append_percent_encoded(out, text.substr(0, bytes_max));
    if (text.size() <= bytes_max) return;
    out += '~';
    const std::uint64_t hash = device_hash(text);
    for (int shift = 60; shift >= 0; shift -= 4)
        out += kHexLower[(hash >> shift) & 0xFU];
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = hex_digit(text[i + 1]);
        const int low = hex_digit(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

void append_hex(std::string& out, std::string_view bytes) {
    for (const char c : bytes) {
        out += kHexLower[byte(c) >> 4U];
        out += kHexLower[byte(c) & 0xFU];
    }
}

std::optional<std::int64_t> parse_int(std::string_view text) noexcept {
    return parse_whole<std::int64_t>(text);
}

std::optional<std::uint64_t> parse_uint(std::string_view text) noexcept {
    return parse_whole<std::uint64_t>(text);
}

std::optional<double> parse_double(std::string_view text) noexcept {
    const auto value = parse_whole<double>(text);
    return value && std::isfinite(*value) ? value : std::nullopt;
}

std::string shortest(double value) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return {digits.data(), end};
}

}  // namespace penstock::text

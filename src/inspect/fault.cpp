#include "inspect/fault.h"

#include <charconv>

namespace penstock::inspect {
namespace {

constexpr std::size_t kExcerpt = 32;

bool printable(char c) noexcept {
    return c >= 0x20 && c < 0x7f;
}

template <class T>
std::string_view digits(T number, std::array<char, 32>& buffer) noexcept {
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
    return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

/// RFC 6901 section 3.
void append_pointer_char(ShortText<128>& out, char c) noexcept {
    if (c == '~') return out.append("~0");
    if (c == '/') return out.append("~1");
    out.append(printable(c) ? c : '?');
}

}  // namespace

void Fault::clear() noexcept {
    refusal_ = Refusal::none;
    reason_.clear();
    pointer_.clear();
    pointer_full_ = false;
}

void Fault::begin(Refusal refusal) noexcept {
    clear();
    refusal_ = refusal;
    say(name(refusal));
    say(": ");
}

void Fault::say_number(std::uint64_t number) noexcept {
    std::array<char, 32> buffer;
    say(digits(number, buffer));
}

void Fault::say_number(double number) noexcept {
    std::array<char, 32> buffer;
    say(digits(number, buffer));
}

void Fault::quote(std::string_view theirs) noexcept {
    constexpr std::string_view kHex = "0123456789abcdef";
    reason_.append('\'');
    for (const char c : theirs.substr(0, kExcerpt)) {
        if (printable(c) && c != '\\' && c != '\'') {
            reason_.append(c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        reason_.append("\\x");
        reason_.append(kHex[byte >> 4U]);
        reason_.append(kHex[byte & 15U]);
    }
    reason_.append(theirs.size() > kExcerpt ? "...'" : "'");
}

void Fault::point_to_member(std::string_view key) noexcept {
    if (pointer_full_ || key.size() * 2 + 1 > pointer_.room()) {
        pointer_full_ = true;
        return;
    }
    pointer_.append('/');
    for (const char c : key)
        append_pointer_char(pointer_, c);
}

void Fault::point_to_element(std::uint64_t index) noexcept {
    std::array<char, 32> buffer;
    point_to_member(digits(index, buffer));
}

void Fault::point_to_field(std::string_view dotted) noexcept {
    while (true) {
        const std::size_t dot = dotted.find('.');
        point_to_member(dotted.substr(0, dot));
        if (dot == std::string_view::npos) return;
        dotted.remove_prefix(dot + 1);
    }
}

}  // namespace penstock::inspect

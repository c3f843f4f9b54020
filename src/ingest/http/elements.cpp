#include "ingest/http/elements.h"

#include "base/json_block.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace penstock::ingest::http {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kNone = std::string_view::npos;

bool blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::size_t skip_blanks(std::string_view text, std::size_t at) noexcept {
    while (at < text.size() && blank(text[at]))
        ++at;
    return at;
}

/// Behind the quote that ends the string whose first byte is at `at`; npos when none does.
std::size_t string_end(std::string_view text, std::size_t at) noexcept {
    while (at < text.size() && text[at] != '"')
        at += text[at] == '\\' ? std::size_t{2} : std::size_t{1};
    return at < text.size() ? at + 1 : kNone;
}

/// What stands before a byte, as far as it decides whether the element ends there.
struct Scan {
    std::size_t depth = 0;
    bool inside = false;   // a string
    bool escaped = false;  // by the backslash before, in a string
};

/// The element ends before this byte.
bool ends_at(char c, Scan& scan) noexcept {
    if (scan.inside) {
        const bool escaped = std::exchange(scan.escaped, false);
        if (!escaped && c == '\\') scan.escaped = true;
        if (!escaped && c == '"') scan.inside = false;
        return false;
    }
    switch (c) {
        case '"':
            scan.inside = true;
            return false;
        case '{':
        case '[':
            ++scan.depth;
            return false;
        case '}':
        case ']':
            return scan.depth-- == 0;
        case ',':
            return scan.depth == 0;
        default:
            return false;
    }
}

/// The same for a block: which of its bytes, or kByteBits for none.
std::size_t end_in_block(const JsonBlock& block, Scan& scan) noexcept {
    std::uint64_t brackets = block.opens | block.closes;
    std::uint64_t commas = block.commas;
    for (;;) {
        const std::uint64_t bracket = brackets & (~brackets + 1);  // the first; 0: none is left
        const std::uint64_t before = commas & (bracket - 1);
        if (scan.depth == 0 && before != 0)
            return static_cast<std::size_t>(std::countr_zero(before));
        if (bracket == 0) return kByteBits;
        if ((block.opens & bracket) != 0) {
            ++scan.depth;
        } else if (scan.depth-- == 0) {
            return static_cast<std::size_t>(std::countr_zero(bracket));
        }
        commas ^= before;
        brackets ^= bracket;
    }
}

/// Index of the first `,` or closing bracket outside of quotes and brackets; npos when there is
/// none.
std::size_t element_end(std::string_view text, std::size_t at) noexcept {
    Scan scan;
    while (at < text.size()) {
        JsonBlock block;
        if (text.size() - at >= kByteBits && !scan.escaped &&
            block.read(text.data() + at, scan.inside)) {
            const std::size_t end = end_in_block(block, scan);
            if (end != kByteBits) return at + end;
            at += kByteBits;
            continue;
        }
        const std::size_t stop = std::min(text.size(), at + kByteBits);
        for (; at < stop; ++at) {
            if (ends_at(text[at], scan)) return at;
        }
    }
    return kNone;
}

/// Behind the bracket that closes the one at `at`; npos when none does.
std::size_t value_end(std::string_view text, std::size_t at) noexcept {
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = string_end(text, at + 1);
            if (at == kNone) return kNone;
            continue;
        }
        ++at;
        if (c == '{' || c == '[') ++depth;
        if ((c == '}' || c == ']') && --depth == 0) return at;
    }
    return kNone;
}

Element element_of(std::string_view text, std::size_t from, std::size_t to) noexcept {
    while (to > from && blank(text[to - 1]))
        --to;
    from = skip_blanks(text.substr(0, to), from);
    return {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to - from)};
}

std::optional<BodyFault> split_array(
    std::string_view body, std::size_t at, std::size_t records_max, std::vector<Element>& out
) {
    const std::size_t opened = at++;
    std::size_t next = skip_blanks(body, at);
    const bool empty = next < body.size() && body[next] == ']';
    while (!empty) {
        const std::size_t end = element_end(body, at);
        if (end == kNone) return BodyFault{false, opened, "the array is not closed"};
        if (body[end] == '}') return BodyFault{false, end, "a bracket that nothing opened"};
        const Element element = element_of(body, at, end);
        if (element.size == 0) return BodyFault{false, end, "an array place without a value"};
        if (out.size() == records_max) return BodyFault{true, at, "too many records"};
        out.push_back(element);
        at = end + 1;
        next = end;
        if (body[end] == ']') break;
    }
    next = skip_blanks(body, next + 1);
    if (next < body.size()) return BodyFault{false, next, "something stands behind the array"};
    return std::nullopt;
}

std::optional<BodyFault> split_lines(
    std::string_view body, std::size_t at, std::size_t records_max, std::vector<Element>& out
) {
    while (at < body.size()) {
        const void* const found = std::memchr(body.data() + at, '\n', body.size() - at);
        const auto end =
            found == nullptr
                ? body.size()
                : static_cast<std::size_t>(static_cast<const char*>(found) - body.data());
        const Element element = element_of(body, at, end);
        at = end + 1;
        if (element.size == 0) continue;
        if (out.size() == records_max) return BodyFault{true, element.offset, "too many records"};
        out.push_back(element);
    }
    return std::nullopt;
}

/// Is there another value on a line behind the first one?
bool looks_like_lines(std::string_view body, std::size_t at) noexcept {
    const std::size_t end = value_end(body, at);
    // A first line that does not close is bad alone when a next one begins like a record.
    if (end == kNone) return body.find("\n{", at) != kNone;
    return skip_blanks(body, end) < body.size() && body.find('\n', end) != kNone;
}

}  // namespace

std::optional<BodyFault> split_body(
    std::string_view body, Format format, std::size_t records_max, std::vector<Element>& out
) {
    const std::size_t mark = body.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
    const std::size_t first = skip_blanks(body, mark);
    if (first == body.size()) return BodyFault{false, 0, "the body is empty"};
    if (format == Format::lines) return split_lines(body, first, records_max, out);
    if (body[first] == '[') return split_array(body, first, records_max, out);
    if (format == Format::any && body[first] == '{' && looks_like_lines(body, first))
        return split_lines(body, first, records_max, out);
    out.push_back(element_of(body, first, body.size()));
    return std::nullopt;
}

}  // namespace penstock::ingest::http

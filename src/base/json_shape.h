#pragma once

#include "base/json_block.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace penstock {

/// What a pass over a JSON text shows without parsing its values.
struct JsonShape {
    bool whole = false;  // one value: brackets and quotes close where the text ends
    bool object = false;
    bool breaks = false;  // holds line breaks between tokens
};

/// JSON's white space.
[[nodiscard]] constexpr bool json_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Finds a text's shape: 64 bytes at a time, byte by byte where there is a backslash. `OnName` is
/// called as json_shape() says.
/// Threads: owner.
template <class OnName>
class JsonShapeFinder {
public:
    JsonShapeFinder(std::string_view text, OnName& on_name) : text_(text), on_name_(on_name) {
        shape_.object = text.starts_with('{');
    }

    [[nodiscard]] JsonShape find() {
        for (std::size_t at = 0; at < text_.size() && !broken_; at += kByteBits) {
            const std::size_t size = std::min(kByteBits, text_.size() - at);
            if (escaped_ || !take_block(at, size)) take_bytes(at, size);
        }
        shape_.whole = !text_.empty() && !broken_ && !inside_ && depth_ == 0;
        return shape_;
    }

private:
    bool take_block(std::size_t at, std::size_t size) {
        const char* p = text_.data() + at;
        std::array<char, kByteBits> last;
        if (size < kByteBits) {
            last.fill(' ');
            p = std::copy_n(p, size, last.data()) - size;
        }
        JsonBlock block;
        if (!block.read(p, inside_)) return false;
        const std::uint64_t breaks = bits_equal(p, '\n') | bits_equal(p, '\r');
        shape_.breaks |= (breaks & ~block.inside) != 0;
        for (std::uint64_t marks = block.opens | block.closes | block.commas; marks != 0;
             marks &= marks - 1) {
            take_mark(at + static_cast<std::size_t>(std::countr_zero(marks)));
        }
        return true;
    }

    void take_bytes(std::size_t from, std::size_t size) {
        for (std::size_t at = from; at < from + size; ++at) {
            const char c = text_[at];
            if (inside_) {
                const bool literal = std::exchange(escaped_, false);
                if (!literal && c == '\\') escaped_ = true;
                if (!literal && c == '"') inside_ = false;
            } else if (c == '"') {
                inside_ = true;
            } else if (c == '\n' || c == '\r') {
                shape_.breaks = true;
            } else {
                take_mark(at);
            }
        }
    }

    void take_mark(std::size_t at) {
        switch (text_[at]) {
            case '{':
            case '[':
                broken_ |= depth_ == 0 && at != 0;
                if (++depth_ == 1) take_name(at + 1);
                break;
            case '}':
            case ']':
                broken_ |= depth_ == 0;
                --depth_;
                break;
            case ',':
                if (depth_ == 1) take_name(at + 1);
                break;
            default:
                break;
        }
    }

    /// A member's name may begin at `at`, or blanks before it.
    void take_name(std::size_t at) {
        if (!shape_.object) return;
        while (at < text_.size() && json_blank(text_[at]))
            ++at;
        if (at == text_.size() || text_[at] != '"') return;
        const std::size_t begin = ++at;
        bool escaped = false;
        for (; at < text_.size() && text_[at] != '"'; ++at) {
            if (text_[at] != '\\') continue;
            escaped = true;
            ++at;
        }
        if (at < text_.size()) on_name_(text_.substr(begin, at - begin), escaped);
    }

    std::string_view text_;
    OnName& on_name_;
    JsonShape shape_;
    std::size_t depth_ = 0;
    bool inside_ = false;   // a string
    bool escaped_ = false;  // by the backslash before, in a string
    bool broken_ = false;   // more than one value, or a bracket that nothing opened
};

/// Calls `on_name(raw, escaped)` for the name of each member at the top, as it stands between its
/// quotes; `escaped`: it holds JSON escapes. What was called before an end that is not whole means
/// nothing.
template <class OnName>
[[nodiscard]] JsonShape json_shape(std::string_view text, OnName on_name) {
    return JsonShapeFinder<OnName>(text, on_name).find();
}

}  // namespace penstock

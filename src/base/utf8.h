#pragma once

#include <cstdint>
#include <string_view>

namespace penstock::text {

/// What a text of a device holds, from good to bad.
enum class Text : std::uint8_t {
    clean,      // UTF-8 without what follows
    unusual,    // control characters (U+0001..U+001F, U+007F..U+009F) or non-characters (U+FDD0..,
                // U+xFFFE, U+xFFFF)
    malformed,  // not UTF-8: overlong, truncated, a surrogate, beyond U+10FFFF, or U+0000
};

/// The worst of what is in it. Linear, one pass; 8 bytes at a time while it is printable ASCII.
/// Source: MQTT 5 section 1.5.4 (U+0000 and surrogates are malformed; the others may be refused).
[[nodiscard]] Text classify_utf8(std::string_view text) noexcept;

}  // namespace penstock::text

#pragma once

#include "penstock/record.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// The tokens of JSON (RFC 8259), checked in full. All functions read whole blocks and so need
/// kBlock readable bytes behind the text; what those bytes are does not matter: callers compare the
/// result with the end of the text.
namespace penstock::inspect {

constexpr std::size_t kBlock = 16;

inline const char* skip_blanks(const char* p, const char* end) noexcept {
    if (p < end && static_cast<unsigned char>(*p) > ' ') return p;
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        ++p;
    return p;
}

#if defined(__SSE2__)

/// A bit for each of 16 bytes that ends a plain run inside a string: quote, backslash, control
/// character.
inline std::uint32_t string_stops(const char* p) noexcept {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
    const __m128i low = _mm_set1_epi8(0x1f);
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, low), block);
    const __m128i any = _mm_or_si128(_mm_or_si128(quote, backslash), control);
    return static_cast<std::uint32_t>(_mm_movemask_epi8(any));
}

/// A bit for each of 16 bytes that two texts have in common.
inline std::uint32_t equal_bits(const char* a, const char* b) noexcept {
    const __m128i one = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a));
    const __m128i other = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b));
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(one, other)));
}

/// A bit for each of 16 bytes that is a decimal digit.
inline std::uint32_t digit_bits(const char* p) noexcept {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i value = _mm_sub_epi8(block, _mm_set1_epi8('0'));
    const __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value);
    return static_cast<std::uint32_t>(_mm_movemask_epi8(digit));
}

#else

inline std::uint32_t equal_bits(const char* a, const char* b) noexcept {
    std::uint32_t bits = 0;
    for (std::uint32_t i = 0; i < kBlock; ++i) {
        if (a[i] == b[i]) bits |= 1U << i;
    }
    return bits;
}

inline std::uint32_t string_stops(const char* p) noexcept {
    std::uint32_t bits = 0;
    for (std::uint32_t i = 0; i < kBlock; ++i) {
        const auto c = static_cast<unsigned char>(p[i]);
        if (c == '"' || c == '\\' || c < 0x20) bits |= 1U << i;
    }
    return bits;
}

inline std::uint32_t digit_bits(const char* p) noexcept {
    std::uint32_t bits = 0;
    for (std::uint32_t i = 0; i < kBlock; ++i) {
        if (p[i] >= '0' && p[i] <= '9') bits |= 1U << i;
    }
    return bits;
}

#endif

/// What is wrong inside a token, for people; null: nothing.
using TokenError = const char*;

struct StringToken {
    const char* close = nullptr;  // the closing quote; at or behind the end when there is none
    bool escaped = false;
    TokenError error = nullptr;  // then `close` is where
};

/// A string whose opening quote is before `p` and that holds escapes, from the first backslash or
/// fault on.
[[nodiscard]] StringToken scan_rest_of_string(const char* p, const char* end) noexcept;

/// A string from behind its opening quote.
inline StringToken scan_string(const char* p, const char* end) noexcept {
    for (; p < end; p += kBlock) {
        const std::uint32_t stops = string_stops(p);
        if (stops == 0) continue;
        p += __builtin_ctz(stops);
        if (*p == '"') return {p, false, nullptr};
        return scan_rest_of_string(p, end);
    }
    return {end, false, nullptr};
}

struct NumberToken {
    const char* end = nullptr;
    FieldType type = FieldType::integer;
    TokenError error = nullptr;  // then `end` is where
};

/// Any number, digit by digit: long ones and those with an exponent. A number beyond the range of a
/// double is an error; one too small for it is not (it is 0).
[[nodiscard]] NumberToken scan_long_number(const char* p, const char* end) noexcept;

/// A number from its first character (a digit or a minus).
inline NumberToken scan_number(const char* p, const char* end) noexcept {
    const std::uint32_t sign = *p == '-' ? 1 : 0;
    const std::uint32_t digits = digit_bits(p) >> sign;
    // Bits from 16 - sign on are 0, so both runs end inside the block.
    const auto whole = static_cast<std::uint32_t>(__builtin_ctz(~digits));
    const char* const stop = p + sign + whole;
    if (whole == 0 || stop >= end || (whole > 1 && p[sign] == '0')) return scan_long_number(p, end);
    if (*stop != '.') {
        if (sign + whole == kBlock || (*stop | 0x20) == 'e') return scan_long_number(p, end);
        return {stop, FieldType::integer, nullptr};
    }
    const std::uint32_t after = digits >> (whole + 1);
    const auto fraction = static_cast<std::uint32_t>(__builtin_ctz(~after));
    const char* const tail = stop + 1 + fraction;
    const bool cut = sign + whole + 1 + fraction >= kBlock;
    if (fraction == 0 || cut || tail >= end || (*tail | 0x20) == 'e')
        return scan_long_number(p, end);
    return {tail, FieldType::number, nullptr};
}

/// Appends a string's text without its escapes. Precondition: scan_string() took it.
template <class Out>
void append_decoded(std::string_view text, Out& out);

namespace detail {
/// Decodes the escape at `p` (a backslash) into `utf8`, at most 4 bytes; returns how many and moves
/// `p` behind it.
std::size_t decode_escape(const char*& p, char* utf8) noexcept;
}  // namespace detail

template <class Out>
void append_decoded(std::string_view text, Out& out) {
    const char* p = text.data();
    const char* const end = p + text.size();
    while (p < end) {
        const void* found = std::memchr(p, '\\', static_cast<std::size_t>(end - p));
        const char* const stop = found != nullptr ? static_cast<const char*>(found) : end;
        out.append(std::string_view(p, static_cast<std::size_t>(stop - p)));
        p = stop;
        if (p == end) return;
        char utf8[4];
        const std::size_t size = detail::decode_escape(p, utf8);
        out.append(std::string_view(utf8, size));
    }
}

}  // namespace penstock::inspect

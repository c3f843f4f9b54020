#include "inspect/text_marks.h"

#include "base/byte_bits.h"

#include <bit>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace penstock::inspect {

/// A bit for each of 64 bytes.
struct TextMarks::Block {
    std::uint64_t quotes = 0;
    std::uint64_t backslashes = 0;
    std::uint64_t controls = 0;  // below 0x20
    std::uint64_t ends = 0;      // , } ]
    std::uint64_t high = 0;      // 0x80 and above

    void keep(std::uint64_t valid) noexcept {
        quotes &= valid;
        backslashes &= valid;
        controls &= valid;
        ends &= valid;
        high &= valid;
    }
};

/// What one block leaves to the next.
struct TextMarks::State {
    std::uint64_t inside = 0;   // all ones: the block begins inside a string
    std::uint64_t escaped = 0;  // 1: its first byte is escaped
    std::uint64_t high = 0;
    std::uint64_t bad = 0;
};

namespace {

constexpr std::size_t kStep = 64;

/// The bytes behind backslashes that are not escaped themselves; `carry` as State::escaped.
std::uint64_t escaped_by(std::uint64_t backslashes, std::uint64_t& carry) noexcept {
    std::uint64_t escaped = carry;
    carry = 0;
    for (; backslashes != 0; backslashes &= backslashes - 1) {
        const std::uint64_t bit = backslashes & (~backslashes + 1);
        if ((escaped & bit) != 0) continue;
        if (bit >> 63U != 0) carry = 1;
        escaped |= bit << 1U;
    }
    return escaped;
}

}  // namespace

[[gnu::always_inline]] inline void TextMarks::note(
    const Block& block, std::uint16_t base, State& state
) noexcept {
    std::uint64_t quotes = block.quotes;
    if ((block.backslashes | state.escaped) != 0) [[unlikely]] {
        escapes_ = true;
        quotes &= ~escaped_by(block.backslashes, state.escaped);
    }
    quotes_ += static_cast<std::size_t>(std::popcount(quotes));
    const std::uint64_t inside = parity_up_to(quotes) ^ state.inside;
    state.inside = inside >> 63U != 0 ? ~std::uint64_t{0} : 0;
    state.high |= block.high;
    state.bad |= block.controls & inside;
    std::uint64_t ends = block.ends & ~inside;
    const auto found = static_cast<std::size_t>(std::popcount(ends));
    std::uint16_t* out = ends_.data() + count_;
    count_ += found;
    for (std::size_t done = 0; done < found; done += 8) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i) {
            *out++ = static_cast<std::uint16_t>(base + std::countr_zero(ends));
            ends &= ends - 1;
        }
    }
}

bool TextMarks::finish(const State& state) noexcept {
    ascii_ = state.high == 0;
    return state.bad == 0 && state.inside == 0 && count_ <= kMaxEnds;
}

// The two loops differ in how 64 bytes become a Block, and in what the compiler may use for the
// rest.
#define PS_FIND_MARKS(block_function)                                                  \
    State state;                                                                       \
    std::size_t at = 0;                                                                \
    for (; text.size() - at >= kStep && count_ <= kMaxEnds; at += kStep)               \
        note(block_function(text.data() + at), static_cast<std::uint16_t>(at), state); \
    if (at < text.size() && count_ <= kMaxEnds) {                                      \
        Block block = block_function(text.data() + at);                                \
        block.keep((std::uint64_t{1} << (text.size() - at)) - 1);                      \
        note(block, static_cast<std::uint16_t>(at), state);                            \
    }                                                                                  \
    return finish(state)

#if defined(__x86_64__)

#define PS_AVX2 [[gnu::target("avx2,bmi,popcnt")]]

/// The top bits of 32 bytes: the lower or the upper half of 64 bits.
PS_AVX2 [[gnu::always_inline]] inline std::uint64_t bits(__m256i mask, unsigned half) noexcept {
    return std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(mask))} << (32U * half);
}

PS_AVX2 [[gnu::always_inline]] inline TextMarks::Block TextMarks::block_of_avx2(const char* p
) noexcept {
    Block block;
#pragma GCC unroll 2
    for (unsigned half = 0; half < 2; ++half) {
        const __m256i bytes =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + std::size_t{32} * half));
        block.quotes |= bits(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"')), half);
        block.backslashes |= bits(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\')), half);
        const __m256i low = _mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f));
        block.controls |= bits(_mm256_cmpeq_epi8(low, bytes), half);
        // ']' and '}' differ in the bit 0x20.
        const __m256i bracket = _mm256_or_si256(bytes, _mm256_set1_epi8(0x20));
        block.ends |= bits(
            _mm256_or_si256(
                _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(',')),
                _mm256_cmpeq_epi8(bracket, _mm256_set1_epi8('}'))
            ),
            half
        );
        block.high |= bits(bytes, half);
    }
    return block;
}

PS_AVX2 bool TextMarks::find_avx2(std::string_view text) {
    clear();
    if (text.size() > kMaxSize) return false;
    PS_FIND_MARKS(block_of_avx2);
}

[[gnu::always_inline]] inline TextMarks::Block TextMarks::block_of(const char* p) noexcept {
    Block block;
#pragma GCC unroll 4
    for (unsigned quarter = 0; quarter < 4; ++quarter) {
        const __m128i bytes =
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + std::size_t{16} * quarter));
        const auto bits = [quarter](__m128i mask) {
            return std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(mask))}
                   << (16U * quarter);
        };
        block.quotes |= bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
        block.backslashes |= bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
        const __m128i low = _mm_min_epu8(bytes, _mm_set1_epi8(0x1f));
        block.controls |= bits(_mm_cmpeq_epi8(low, bytes));
        // ']' and '}' differ in the bit 0x20.
        const __m128i bracket = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
        block.ends |= bits(_mm_or_si128(
            _mm_cmpeq_epi8(bytes, _mm_set1_epi8(',')), _mm_cmpeq_epi8(bracket, _mm_set1_epi8('}'))
        ));
        block.high |= bits(bytes);
    }
    return block;
}

#else

TextMarks::Block TextMarks::block_of(const char* p) noexcept {
    Block block;
    for (std::size_t i = 0; i < kStep; ++i) {
        const auto c = static_cast<unsigned char>(p[i]);
        const std::uint64_t bit = std::uint64_t{1} << i;
        if (c == '"') block.quotes |= bit;
        if (c == '\\') block.backslashes |= bit;
        if (c < 0x20) block.controls |= bit;
        if (c == ',' || c == '}' || c == ']') block.ends |= bit;
        if (c >= 0x80) block.high |= bit;
    }
    return block;
}

#endif

bool TextMarks::find_plain(std::string_view text) {
    clear();
    if (text.size() > kMaxSize) return false;
    PS_FIND_MARKS(block_of);
}

#undef PS_FIND_MARKS

void TextMarks::clear() noexcept {
    count_ = 0;
    quotes_ = 0;
    escapes_ = false;
}

bool TextMarks::find(std::string_view text) {
#if defined(__x86_64__)
    static const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                                 __builtin_cpu_supports("popcnt");
    if (has_avx2) return find_avx2(text);
#endif
    return find_plain(text);
}

}  // namespace penstock::inspect

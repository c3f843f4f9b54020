#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

/// Looks at 64 bytes of text at a time: a bit for each byte, the first byte's the lowest.
/// Threads: any.
namespace penstock {

inline constexpr std::size_t kByteBits = 64;

/// Which of the 64 bytes at `p` are `c` once the bits of `fold` are set in them (0x20: `[` and `{`
/// are the same).
[[nodiscard]] inline std::uint64_t bits_equal(
    const char* p, char c, std::uint8_t fold = 0
) noexcept {
    std::uint64_t out = 0;
#if defined(__x86_64__)
    const __m128i wanted = _mm_set1_epi8(c);
    const __m128i folded = _mm_set1_epi8(static_cast<char>(fold));
#pragma GCC unroll 4
    for (unsigned quarter = 0; quarter < 4; ++quarter) {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as the intrinsic wants it.
        const auto* const at = reinterpret_cast<const __m128i*>(p + std::size_t{16} * quarter);
        const __m128i bytes = _mm_or_si128(_mm_loadu_si128(at), folded);
        const int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted));
        out |= std::uint64_t{static_cast<std::uint32_t>(mask)} << (16U * quarter);
    }
#else
    for (std::size_t i = 0; i < kByteBits; ++i) {
        const bool equal = (static_cast<std::uint8_t>(p[i]) | fold) == static_cast<std::uint8_t>(c);
        out |= std::uint64_t{equal} << i;
    }
#endif
    return out;
}

/// Bit i: an odd number of the bits 0 to i is set.
[[nodiscard]] constexpr std::uint64_t parity_up_to(std::uint64_t bits) noexcept {
    bits ^= bits << 1U;
    bits ^= bits << 2U;
    bits ^= bits << 4U;
    bits ^= bits << 8U;
    bits ^= bits << 16U;
    return bits ^ (bits << 32U);
}

}  // namespace penstock

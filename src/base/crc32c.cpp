#include "base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace penstock {

namespace {

// Polynomials over GF(2) modulo P, reflected: bit 31 is x^0.
constexpr std::uint32_t kPolynomial = 0x82f63b78;
constexpr std::uint32_t kOne = 0x80000000;

constexpr std::uint32_t times_x(std::uint32_t a) {
    return (a & 1U) != 0 ? (a >> 1U) ^ kPolynomial : a >> 1U;
}

constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
    std::uint32_t product = 0;
    for (; a != 0; a <<= 1U) {
        if ((a & kOne) != 0) product ^= b;
        b = times_x(b);
    }
    return product;
}

// kPowers[k] = x^(8 * 2^k): what 2^k bytes behind a checksum multiply it with.
constexpr auto kPowers = [] {
    std::array<std::uint32_t, 64> powers{};
    std::uint32_t power = kOne;
    for (int i = 0; i < 8; ++i)
        power = times_x(power);
    for (auto& entry : powers) {
        entry = power;
        power = multiply(power, power);
    }
    return powers;
}();

constexpr std::uint32_t x_to_the(std::uint64_t exponent) {
    std::uint32_t result = kOne;
    std::uint32_t square = kOne >> 1U;
    for (; exponent != 0; exponent >>= 1U) {
        if ((exponent & 1U) != 0) result = multiply(result, square);
        square = multiply(square, square);
    }
    return result;
}

// kTables[k][b]: the byte b followed by k zero bytes.
constexpr auto kTables = [] {
    std::array<std::array<std::uint32_t, 256>, 8> tables{};
    for (std::uint32_t b = 0; b < 256; ++b) {
        std::uint32_t crc = b;
        for (int i = 0; i < 8; ++i)
            crc = times_x(crc);
        tables[0][b] = crc;
    }
    for (std::size_t k = 1; k < 8; ++k) {
        for (std::size_t b = 0; b < 256; ++b) {
            const std::uint32_t crc = tables[k - 1][b];
            tables[k][b] = (crc >> 8U) ^ tables[0][crc & 0xffU];
        }
    }
    return tables;
}();

std::uint64_t load64(const std::byte* from) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return word;
}

#if defined(__x86_64__)
#define PS_CRC_TARGET __attribute__((target("sse4.2,pclmul")))

// A checksum with `bytes` zero bytes behind it. The product of two reflected factors carries one x
// too many and the CRC instruction multiplies by x^32 while it reduces, hence the 33.
template <std::size_t kBytes>
PS_CRC_TARGET std::uint64_t shift(std::uint64_t crc) noexcept {
    constexpr std::uint32_t kFactor = x_to_the(8 * kBytes - 33);
    const __m128i product = _mm_clmulepi64_si128(
        _mm_cvtsi64_si128(static_cast<long long>(crc)), _mm_cvtsi64_si128(kFactor), 0
    );
    return _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(product)));
}

// The instruction has a latency of three cycles and a throughput of one: three streams keep it
// busy.
template <std::size_t kLane>
PS_CRC_TARGET std::uint64_t three_lanes(
    const std::byte*& at, std::size_t& size, std::uint64_t crc
) noexcept {
    static_assert(kLane % 8 == 0);
    while (size >= 3 * kLane) {
        std::uint64_t second = 0;
        std::uint64_t third = 0;
        for (std::size_t i = 0; i < kLane; i += 8) {
            crc = _mm_crc32_u64(crc, load64(at + i));
            second = _mm_crc32_u64(second, load64(at + kLane + i));
            third = _mm_crc32_u64(third, load64(at + 2 * kLane + i));
        }
        crc = shift<2 * kLane>(crc) ^ shift<kLane>(second) ^ third;
        at += 3 * kLane;
        size -= 3 * kLane;
    }
    return crc;
}

PS_CRC_TARGET std::uint32_t crc32c_sse42(
    std::span<const std::byte> bytes, std::uint32_t before
) noexcept {
    const std::byte* at = bytes.data();
    std::size_t size = bytes.size();
    std::uint64_t crc = ~before;
    crc = three_lanes<2048>(at, size, crc);
    crc = three_lanes<128>(at, size, crc);
    for (; size >= 8; at += 8, size -= 8)
        crc = _mm_crc32_u64(crc, load64(at));
    auto narrow = static_cast<std::uint32_t>(crc);
    for (; size > 0; ++at, --size) {
        narrow = _mm_crc32_u8(narrow, std::to_integer<unsigned char>(*at));
    }
    return ~narrow;
}

bool has_instruction() noexcept {
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2") != 0 && __builtin_cpu_supports("pclmul") != 0;
}
#endif

using Function = std::uint32_t (*)(std::span<const std::byte>, std::uint32_t) noexcept;

Function choose() noexcept {
#if defined(__x86_64__)
    if (has_instruction()) return crc32c_sse42;
#endif
    return crc32c_portable;
}

}  // namespace

std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
    const std::byte* at = bytes.data();
    std::size_t size = bytes.size();
    std::uint32_t crc = ~before;
    for (; size >= 8; at += 8, size -= 8) {
        const std::uint64_t word = load64(at) ^ crc;
        crc = 0;
        for (unsigned i = 0; i < 8; ++i)
            crc ^= kTables[7 - i][(word >> (8 * i)) & 0xffU];
    }
    for (; size > 0; ++at, --size) {
        crc = (crc >> 8U) ^ kTables[0][(crc ^ std::to_integer<std::uint32_t>(*at)) & 0xffU];
    }
    return ~crc;
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
    static const Function chosen = choose();
    return chosen(bytes, before);
}

std::uint32_t crc32c_combine(std::uint32_t a, std::uint32_t b, std::uint64_t size_b) noexcept {
    for (std::size_t k = 0; size_b != 0; ++k, size_b >>= 1U) {
        if ((size_b & 1U) != 0) a = multiply(a, kPowers[k]);
    }
    return a ^ b;
}

}  // namespace penstock

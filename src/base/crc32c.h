#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace penstock {

/// CRC-32C (Castagnoli; RFC 3720 appendix B.4, reflected polynomial 0x82f63b78). `before` is the
/// checksum of the bytes in front: crc32c(b, crc32c(a)) is the checksum of a and b in a row. Uses
/// the processor's CRC instruction, three streams at a time, where there is one.
/// Threads: any thread.
[[nodiscard]] std::uint32_t crc32c(
    std::span<const std::byte> bytes, std::uint32_t before = 0
) noexcept;

/// The checksum of a and b in a row, from the checksum of each and the size of b. About 100 ns.
[[nodiscard]] std::uint32_t crc32c_combine(
    std::uint32_t a, std::uint32_t b, std::uint64_t size_b
) noexcept;

/// The table version, whatever the processor offers: for comparison in tests.
[[nodiscard]] std::uint32_t crc32c_portable(
    std::span<const std::byte> bytes, std::uint32_t before = 0
) noexcept;

}  // namespace penstock

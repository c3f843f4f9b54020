#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The bytes of a quarantine file, version 1 (integers little-endian, texts with a LEB128 length in
/// front):
///
///     file       magic u32 "PSQF", version u16, reserved u16, journal id 16 bytes, CRC32C of these
///     u32, pad u32 = 0 entry      magic u32 "PSQE", body size u32, CRC32C of the body u32, CRC32C
///     of these 12 bytes u32; body;
///                zeros up to a multiple of 8
///     body       sink id text, LSN u64, quarantined at (wall, ns) i64, reason text, size varint,
///     the record as encoded
///
/// After a damaged entry the next one is found by its magic and checksums, at any multiple of 8.
namespace penstock::journal {

constexpr std::size_t kQuarantineFileHeader = 32;

/// A record that one sink's far side refused for good.
struct QuarantineEntry {
    std::string sink;
    Lsn lsn;
    Nanoseconds time = 0;
    std::string reason;
    std::vector<std::byte> record;
};

[[nodiscard]] std::vector<std::byte> encode_quarantine_header(const JournalId& journal);
/// Errors: corrupt, unsupported.
[[nodiscard]] Result<JournalId> decode_quarantine_header(std::span<const std::byte> bytes);

[[nodiscard]] std::vector<std::byte> encode_quarantine_entry(
    std::string_view sink,
    Lsn lsn,
    Nanoseconds time,
    std::string_view reason,
    std::span<const std::byte> record
);

/// An entry and where it stands.
struct QuarantineFound {
    std::size_t at = 0;    // where it starts
    std::size_t next = 0;  // where to look for the next
    QuarantineEntry entry;
};

/// The first whole entry at or behind `at`, damaged bytes passed over. Errors: not_found. Takes any
/// bytes.
[[nodiscard]] Result<QuarantineFound> next_quarantine_entry(
    std::span<const std::byte> file, std::size_t at
);

}  // namespace penstock::journal

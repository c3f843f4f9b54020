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

/// The bytes of a cursor file, version 1 (integers little-endian, texts with a LEB128 length in
/// front):
///
///     magic u32 "PSCU", version u16, reserved u16, journal id 16 bytes, sink id text, generation
///     u64, LSN u64, saved at (wall, ns) i64, state size varint, state, CRC32C of all before u32
///
/// The LSN is that of the last record the sink's far side has confirmed; the sink goes on behind
/// it.
namespace penstock::journal {

/// Bound of a sink's own state inside its cursor.
constexpr std::size_t kCursorStateMax = 64 * 1024;
/// Bound of a cursor file.
constexpr std::size_t kCursorFileMax = kCursorStateMax + 256;

struct CursorImage {
    JournalId journal;
    std::string sink;
    std::uint64_t generation = 0;
    Lsn lsn;
    Nanoseconds saved_at = 0;
    std::vector<std::byte> state;
};

[[nodiscard]] std::vector<std::byte> encode_cursor(const CursorImage& image);

/// Errors: corrupt; unsupported (written by a newer version). Takes any bytes.
[[nodiscard]] Result<CursorImage> decode_cursor(std::span<const std::byte> bytes);

/// May this name a sink's files? [A-Za-z0-9][A-Za-z0-9_.-]{0,63}, not ending in ".tmp".
[[nodiscard]] bool valid_sink_id(std::string_view id) noexcept;

}  // namespace penstock::journal

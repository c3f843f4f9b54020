#pragma once

#include "penstock/batch.h"
#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/log_reader.h"
#include "penstock/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Every byte of the journal on disk; twin of docs/JOURNAL_FORMAT.md. Little-endian, no padding by
/// the compiler.
///
/// A segment file is a run of 4 KiB blocks:
///
///     block 0      segment header
///     block 1      the same segment header again
///     block 2...   frames, each from the start of a block, padded with zeros to the end of its
///     last block after them   the footer, one block, once the segment is sealed (then the file
///     ends with it); zeros until then
///
/// LSNs are contiguous: over a segment, and from one segment to the next. Where LSNs have no record
/// (skipped at a start, lost and accepted) a gap frame stands for them.
namespace penstock::journal {

/// The newest version this build reads; a newer one is refused by name.
constexpr std::uint16_t kFormatVersion = 1;
constexpr std::size_t kBlock = 4096;
constexpr std::uint64_t kFirstFrameOffset = 2 * kBlock;
constexpr std::uint64_t kSegmentMagic = 0x314745534a4e5450;  // "PTNJSEG1"
constexpr std::uint64_t kFooterMagic = 0x31544f464a4e5450;   // "PTNJFOT1"
constexpr std::uint64_t kIdentityMagic = 0x3144494a4e5450;   // "PTNJID1\0"
constexpr std::uint32_t kFrameMagic = 0x4652464a;            // "JFRF"
/// No LSN reaches this: sums of an LSN and a count cannot overflow.
constexpr std::uint64_t kLsnLimit = std::uint64_t{1} << 62U;
/// The largest payload of one frame.
constexpr std::uint32_t kFramePayloadMax = std::uint32_t{1} << 30U;
static_assert(kBlock == Batch::kAlignment);

/// First bytes of a segment. `crc` covers the bytes before it.
struct SegmentHeader {
    std::uint64_t magic = kSegmentMagic;
    std::uint16_t version = kFormatVersion;
    std::uint16_t flags = 0;
    std::uint32_t block = kBlock;
    std::array<std::uint8_t, 16> journal{};
    std::uint64_t nonce = 0;             // random; every frame and the footer repeat it
    std::uint64_t number = 0;            // of the file; the predecessor's is smaller
    std::uint64_t first = 0;             // LSN of the first frame
    std::uint64_t predecessor_last = 0;  // first - 1, and durable before this is written
    std::uint64_t predecessor = 0;       // number of the segment before; 0: none, or it is unknown
    std::int64_t created = 0;            // wall clock
    std::uint64_t size = 0;              // bytes of the file while it is open
    std::array<std::uint8_t, 36> reserved{};
    std::uint32_t crc = 0;
};
static_assert(sizeof(SegmentHeader) == 128);
static_assert(offsetof(SegmentHeader, journal) == 16);
static_assert(offsetof(SegmentHeader, nonce) == 32);
static_assert(offsetof(SegmentHeader, first) == 48);
static_assert(offsetof(SegmentHeader, created) == 72);
static_assert(offsetof(SegmentHeader, crc) == 124);

/// What a frame is. Persistent: never change the values.
enum class FrameKind : std::uint16_t {
    records = 1,  // payload: records back to back
    empty = 2,    // no LSN; says how far the journal is committed
    gap = 3,      // LSNs first..gap_last have no record; no payload
};

/// First bytes of a frame; the payload follows at once. `crc` covers the bytes before it.
struct FrameHeader {
    std::uint32_t magic = kFrameMagic;
    std::uint16_t version = kFormatVersion;
    FrameKind kind = FrameKind::records;
    std::uint64_t nonce = 0;   // of the segment
    std::uint64_t offset = 0;  // of this header in the segment: a misdirected write is no frame
    std::uint64_t first = 0;   // LSN of the first record; of the next one, for an empty frame
    std::uint64_t committed_through = 0;  // LSN known to be durable when this was written
    std::uint64_t gap_last = 0;           // gap frames only
    std::int64_t written = 0;             // wall clock
    std::uint32_t count = 0;              // records
    std::uint32_t payload_bytes = 0;
    std::uint32_t payload_crc = 0;  // CRC32C
    std::uint32_t previous = 0;     // crc of the frame before; of the segment header, for the first
    std::uint16_t gap_cause = 0;    // Gap::Cause, gap frames only
    std::array<std::uint8_t, 50> reserved{};
    std::uint32_t crc = 0;

    /// LSNs this frame stands for.
    [[nodiscard]] std::uint64_t span() const noexcept {
        if (kind == FrameKind::gap) return gap_last - first + 1;
        return kind == FrameKind::records ? count : 0;
    }
    /// The LSN behind this frame.
    [[nodiscard]] Lsn next() const noexcept { return {first + span()}; }
    /// Bytes on disk: header, payload, padding.
    [[nodiscard]] std::uint64_t stored_bytes() const noexcept;
};
static_assert(sizeof(FrameHeader) == 128);
static_assert(sizeof(FrameHeader) <= Batch::kHeaderRoom);
static_assert(offsetof(FrameHeader, nonce) == 8);
static_assert(offsetof(FrameHeader, first) == 24);
static_assert(offsetof(FrameHeader, committed_through) == 32);
static_assert(offsetof(FrameHeader, count) == 56);
static_assert(offsetof(FrameHeader, previous) == 68);
static_assert(offsetof(FrameHeader, crc) == 124);

/// Why a segment was sealed. Persistent: never change the values.
enum class SealCause : std::uint16_t {
    rolled = 1,     // a successor exists: when it is missing, it was lost
    closed = 2,     // clean shutdown: nothing followed
    recovered = 3,  // rewritten at a start from what survived
};

/// The last block of a sealed segment. Everything in the segment was durable before this was
/// written. `crc` covers the bytes before it.
struct SegmentFooter {
    std::uint64_t magic = kFooterMagic;
    std::uint16_t version = kFormatVersion;
    SealCause cause = SealCause::rolled;
    std::uint32_t frames = 0;
    std::array<std::uint8_t, 16> journal{};
    std::uint64_t nonce = 0;
    std::uint64_t number = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;     // LSN; first - 1 when the segment is empty
    std::uint64_t records = 0;  // less than last - first + 1 when there are gap frames
    std::uint64_t offset = 0;   // of this block in the file
    std::int64_t created = 0;
    std::int64_t sealed = 0;  // wall clock
    std::uint32_t chain =
        0;  // crc of the last frame: each frame's covers the one before, so this proves them all
    std::array<std::uint8_t, 24> reserved{};
    std::uint32_t crc = 0;
};
static_assert(sizeof(SegmentFooter) == 128);
static_assert(offsetof(SegmentFooter, journal) == 16);
static_assert(offsetof(SegmentFooter, last) == 56);
static_assert(offsetof(SegmentFooter, chain) == 96);
static_assert(offsetof(SegmentFooter, crc) == 124);

/// The file `identity`: who this journal is. A lost one is made again from the segments. `crc`
/// covers the bytes before it.
struct Identity {
    std::uint64_t magic = kIdentityMagic;
    std::uint16_t version = kFormatVersion;
    std::uint16_t reserved0 = 0;
    std::uint32_t reserved1 = 0;
    std::array<std::uint8_t, 16> journal{};
    std::int64_t created = 0;
    std::array<std::uint8_t, 20> reserved{};
    std::uint32_t crc = 0;
};
static_assert(sizeof(Identity) == 64);
static_assert(offsetof(Identity, crc) == 60);

/// `bytes` up to whole blocks.
[[nodiscard]] constexpr std::uint64_t whole_blocks(std::uint64_t bytes) noexcept {
    return (bytes + kBlock - 1) / kBlock * kBlock;
}
/// Bytes on disk of a frame with that payload.
[[nodiscard]] constexpr std::uint64_t frame_bytes(std::uint64_t payload_bytes) noexcept {
    return whole_blocks(sizeof(FrameHeader) + payload_bytes);
}
inline std::uint64_t FrameHeader::stored_bytes() const noexcept {
    return frame_bytes(payload_bytes);
}

/// The largest payload a segment of that size takes: beside it stand the headers, a gap frame, an
/// empty frame and the footer.
[[nodiscard]] constexpr std::uint64_t payload_max(std::uint64_t segment_size) noexcept {
    const std::uint64_t beside = kFirstFrameOffset + 3 * kBlock + kBlock;
    return segment_size > beside ? segment_size - beside : 0;
}

/// Sets `crc` and copies the struct to the front of `out` (at least as large as the struct).
void store(SegmentHeader header, std::span<std::byte> out) noexcept;
void store(SegmentFooter footer, std::span<std::byte> out) noexcept;
void store(Identity identity, std::span<std::byte> out) noexcept;
/// As above; returns the crc, which the next frame's `previous` repeats.
std::uint32_t store(FrameHeader header, std::span<std::byte> out) noexcept;

/// Reads and checks a struct at the front of `bytes`: size, magic, version, crc, bounds.
/// Errors: corrupt, unsupported (a newer version, which is named).
[[nodiscard]] Result<SegmentHeader> load_segment_header(std::span<const std::byte> bytes);
[[nodiscard]] Result<SegmentFooter> load_footer(std::span<const std::byte> bytes);
[[nodiscard]] Result<Identity> load_identity(std::span<const std::byte> bytes);
/// The header of a frame of segment `nonce` at `offset`; nothing when these bytes are none. Its
/// payload is not checked.
[[nodiscard]] std::optional<FrameHeader> load_frame_header(
    std::span<const std::byte> bytes, std::uint64_t nonce, std::uint64_t offset
) noexcept;
/// Whether `payload` (payload_bytes long) is what the header says.
[[nodiscard]] bool payload_matches(
    const FrameHeader& header, std::span<const std::byte> payload
) noexcept;
/// The header's crc as the next frame repeats it in `previous`.
[[nodiscard]] std::uint32_t chain_of(const SegmentHeader& header) noexcept;

/// File names in the journal's folder.
constexpr std::string_view kSegmentSuffix = ".segment";    // <20 digits>.segment
constexpr std::string_view kPreparedSuffix = ".prepared";  // zeros, not yet a segment
constexpr std::string_view kTemporarySuffix = ".tmp";      // half-made; removed at start
constexpr std::string_view kIndexSuffix =
    ".index";  // <20 digits>.segment.index: derived, may be rebuilt
constexpr std::string_view kIdentityName = "identity";
constexpr std::string_view kLockName = "lock";
constexpr std::string_view kBallastName = "ballast";
constexpr std::string_view kQuarantineFolder = "damaged";  // bytes that recovery could not read
constexpr std::string_view kCursorFolder = "cursors";

[[nodiscard]] std::string segment_name(std::uint64_t number);
/// The number of a segment file's name; nothing for other names.
[[nodiscard]] std::optional<std::uint64_t> segment_number(std::string_view name) noexcept;
/// The sidecar that holds a sealed segment's index by device.
/// What a segment's footer tells of its header: all but the segment before and the size while open.
[[nodiscard]] SegmentHeader header_of(const SegmentFooter& footer) noexcept;
[[nodiscard]] std::filesystem::path index_path(const std::filesystem::path& segment);

}  // namespace penstock::journal

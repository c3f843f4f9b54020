#pragma once

#include "journal/format.h"
#include "penstock/ids.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// What the bytes of a segment say, whatever happened to them. Pure: the same bytes give the same
/// answer; any bytes are taken; work is at most one pass for headers and one for payloads.
namespace penstock::journal {

/// Bytes that are no frame although records that were acknowledged stood there.
struct Damage {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    Lsn from;  // LSNs that are lost; to < from when the damage hit no record
    Lsn to;

    [[nodiscard]] std::uint64_t lost() const noexcept {
        return to < from ? 0 : to.value - from.value + 1;
    }
};

/// The result. Frames and damages together cover first .. last without a hole.
struct Survey {
    SegmentHeader header;
    bool header_repaired = false;     // one of its two copies is bad
    bool header_rebuilt = false;      // both are: made again from the footer
    std::vector<FrameHeader> frames;  // whole, in order, to be kept
    std::vector<Damage> damages;      // of acknowledged records: not to be passed over in silence
    std::optional<SegmentFooter> footer;
    Lsn last;                      // of what is kept or lost; first - 1 when there is none
    std::uint64_t end = 0;         // offset behind the last frame that is kept
    std::uint64_t torn_bytes = 0;  // behind `end`, never acknowledged: to be cut
    Lsn committed;                 // the highest LSN that anything here proves durable
    Lsn named;                     // the highest LSN that anything here names, cut frames included

    [[nodiscard]] std::uint64_t records() const noexcept;
    [[nodiscard]] std::uint64_t lost() const noexcept;
    /// Nothing was cut, lost or repaired, and the footer stands.
    [[nodiscard]] bool whole() const noexcept;
};

/// Looks at a segment file's bytes (zeros are understood behind them). `committed`: the highest LSN
/// that later segments prove durable.
///
/// The rule (tests: D04, D13): where the frame that is due is not there, let x be its LSN. Only if
/// something behind that place, or a later segment, says that x was durable is this damage to
/// acknowledged records; what is whole behind it is kept. Otherwise it is a torn tail: never
/// acknowledged, cut from there on.
/// Errors: corrupt (neither a readable header nor a footer), unsupported (a newer version).
[[nodiscard]] Result<Survey> survey(std::span<const std::byte> bytes, Lsn committed);

/// The header from either of its copies. `repaired` tells that one of them is bad.
[[nodiscard]] Result<SegmentHeader> read_segment_header(
    std::span<const std::byte> bytes, bool* repaired = nullptr
);

/// The footer of a sealed segment, from the end of its bytes; nothing when there is none that is
/// its own.
[[nodiscard]] std::optional<SegmentFooter> footer_at_end(std::span<const std::byte> bytes);

/// Whether all bytes are zero.
[[nodiscard]] bool all_zero(std::span<const std::byte> bytes) noexcept;

}  // namespace penstock::journal

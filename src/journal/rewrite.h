#pragma once

#include "journal/segment_list.h"
#include "journal/survey.h"
#include "penstock/disk.h"
#include "penstock/log_reader.h"
#include "penstock/result.h"

#include <cstdint>
#include <filesystem>
#include <span>

/// Sealed segments made from what survived. Each is written under a temporary name, made durable,
/// then put in place by a rename: after a crash in between the old file stands as it was.
namespace penstock::journal {

/// What a new segment file gets that its source does not tell.
struct Rewriting {
    std::uint64_t nonce = 0;
    Nanoseconds now = 0;  // wall clock
};

/// Replaces the segment file at `path`, whose bytes and survey these are, by one of the same number
/// that holds the frames that are kept and a gap for every loss. Its name is durable when this
/// returns. Errors: full: the old file stands as it was; any other: one of the two stands there.
[[nodiscard]] Result<SegmentInfo> rewrite_segment(
    Disk& disk,
    const std::filesystem::path& path,
    std::span<const std::byte> bytes,
    const Survey& found,
    const Rewriting& rewriting
);

/// Makes a segment that holds nothing but a gap: it stands for segments that are missing.
[[nodiscard]] Result<SegmentInfo> write_gap_segment(
    Disk& disk,
    const std::filesystem::path& directory,
    std::uint64_t number,
    const JournalId& journal,
    const Gap& gap,
    const Rewriting& rewriting
);

/// Keeps a copy of damaged bytes in the folder `damaged` beside the segment; once for each place.
[[nodiscard]] Result<std::filesystem::path> keep_damaged(
    Disk& disk,
    const std::filesystem::path& segment,
    std::uint64_t offset,
    std::span<const std::byte> bytes
);

/// Opens a file as it is on the device: what an earlier process wrote and could not sync stands in
/// the cache alone, and is not read any more.
[[nodiscard]] Result<DiskFilePtr> open_settled(Disk& disk, const std::filesystem::path& path);

/// Writes a small file whole: temporary name, sync, rename, sync of the folder.
[[nodiscard]] Status write_file_durably(
    Disk& disk, const std::filesystem::path& path, std::span<const std::byte> bytes
);

/// What a sealed segment's header and footer say of it.
[[nodiscard]] SegmentInfo describe(
    const std::filesystem::path& path, const SegmentHeader& header, const SegmentFooter& footer
);

}  // namespace penstock::journal

#pragma once

#include "journal/format.h"
#include "journal/segment_list.h"
#include "penstock/disk.h"
#include "penstock/ids.h"
#include "penstock/result.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>

namespace penstock::journal {

/// A segment file full of zeros, durable under its name, not yet begun.
struct SpareSegment {
    std::uint64_t number = 0;
    std::uint64_t size = 0;
    std::filesystem::path path;
    DiskFilePtr file;  // opened as the write queue wants it
};

/// Writes zeros (so that the file system's blocks are there and a write needs no metadata), syncs,
/// names. Leaves no file behind when it fails. Errors: full, io.
[[nodiscard]] Result<SpareSegment> prepare_segment(
    Disk& disk,
    const std::filesystem::path& directory,
    std::uint64_t number,
    std::uint64_t size,
    OpenMode mode
);

/// A file of zeros, durable but for its name; written past the page cache with OpenMode::direct.
/// Leaves no file behind when it fails. Errors: conflict, full, io.
[[nodiscard]] Status make_zero_file(
    Disk& disk,
    const std::filesystem::path& path,
    std::uint64_t size,
    OpenMode mode = OpenMode::create
);

/// The segment that is being written: where the next frame goes. Knows nothing of I/O.
/// Threads: the commit thread.
class OpenSegment {
public:
    OpenSegment(SpareSegment spare, const SegmentHeader& header);

    /// The two header blocks, to be written at offset 0. They live as long as the segment.
    [[nodiscard]] std::span<const std::byte> header_blocks() const noexcept;
    /// Whether a frame with that payload fits, with room for an empty frame and the footer behind
    /// it.
    [[nodiscard]] bool fits(std::uint64_t payload_bytes, std::uint64_t offset) const noexcept {
        return offset + frame_bytes(payload_bytes) + 2 * kBlock <= size_;
    }
    /// Whether an empty frame fits with room for the footer.
    [[nodiscard]] bool fits_empty() const noexcept { return offset_ + 2 * kBlock <= size_; }
    /// Gives a frame its place: fills nonce, offset, previous and the checksum, and writes the
    /// header to `out`.
    void place(FrameHeader& frame, std::span<std::byte> out) noexcept;
    /// The footer for what was placed.
    [[nodiscard]] SegmentFooter footer(SealCause cause, Nanoseconds now) const noexcept;

    [[nodiscard]] DiskFile& file() noexcept { return *file_; }
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
    [[nodiscard]] std::uint64_t number() const noexcept { return header_.number; }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] const SegmentHeader& header() const noexcept { return header_; }
    /// As the list of segments shows it while it is open.
    [[nodiscard]] SegmentInfo info() const;

private:
    struct BlockFree {
        void operator()(std::byte* block) const noexcept;
    };

    SegmentHeader header_;
    std::filesystem::path path_;
    DiskFilePtr file_;
    std::unique_ptr<std::byte[], BlockFree> blocks_;
    std::uint64_t size_;
    std::uint64_t offset_ = kFirstFrameOffset;
    std::uint32_t chain_;
    std::uint32_t frames_ = 0;
    std::uint64_t records_ = 0;
    Lsn next_;
};

/// Ends a segment whose frames are all durable: footer, cut to size, sync. Not for the commit
/// thread while it works.
[[nodiscard]] Status seal_segment(
    Disk& disk, const std::filesystem::path& path, const SegmentFooter& footer
);

}  // namespace penstock::journal

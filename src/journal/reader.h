#pragma once

#include "journal/format.h"
#include "journal/segment_list.h"
#include "journal/tail.h"
#include "penstock/disk.h"
#include "penstock/ids.h"
#include "penstock/log_reader.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

namespace penstock::journal {

/// One segment file, read frame by frame. Every frame that it returns has passed its checksums; a
/// bad one is read again from the device before it counts as bad. Memory: one frame. Threads:
/// owner.
class SegmentScan {
public:
    /// Errors: not_found, io.
    [[nodiscard]] static Result<SegmentScan> open(Disk& disk, const SegmentInfo& segment);

    SegmentScan(SegmentScan&&) = default;
    SegmentScan& operator=(SegmentScan&&) = default;
    SegmentScan(const SegmentScan&) = delete;
    SegmentScan& operator=(const SegmentScan&) = delete;
    /// Asks the system to forget what was read: it is not needed again.
    ~SegmentScan();

    /// The header of the frame at `offset`; nothing when there is none. Errors: io.
    [[nodiscard]] Result<std::optional<FrameHeader>> header(std::uint64_t offset);
    /// The payload of that frame. Errors: corrupt, io.
    [[nodiscard]] Result<ChunkPtr> chunk(const FrameHeader& header);
    /// The next block at or behind `offset` that starts with a frame header; nothing up to the end
    /// of the file. Errors: io.
    [[nodiscard]] Result<std::optional<FrameHeader>> next_header(std::uint64_t offset);

    [[nodiscard]] const SegmentInfo& segment() const noexcept { return segment_; }
    [[nodiscard]] DiskFile& file() const noexcept { return *file_; }

private:
    SegmentScan(DiskFilePtr file, SegmentInfo segment);
    [[nodiscard]] Result<std::optional<FrameHeader>> read_header(std::uint64_t offset);

    DiskFilePtr file_;
    SegmentInfo segment_;
    std::vector<std::byte> block_;
};

/// Reads the journal from memory when it keeps up and from disk when it does not.
/// A damaged frame is an error that stays until an operator accepts the loss (`penstock journal
/// repair --accept-loss` writes a gap in its place): it is never stepped over in silence. Threads:
/// its owner; see LogReader.
class Reader final : public LogReader {
public:
    /// How long records gather for a reader that keeps up with a steady flow.
    static constexpr Nanoseconds kGather = 2 * kMillisecond;

    /// Disk, tail and segments must outlive the reader. `gather`: see read().
    Reader(Disk& disk, const Tail& tail, const SegmentList& segments, Nanoseconds gather = kGather);

    void seek(Lsn lsn) override;
    [[nodiscard]] Lsn position() const override { return position_; }
    /// While records keep coming it rests for `gather` before each wait, so that it is woken for
    /// many of them at once, and the commit thread need not wake it.
    [[nodiscard]] Result<ReadResult> read(Nanoseconds wait, const std::stop_token& stop) override;
    [[nodiscard]] Lsn durable() const override { return tail_.durable(); }

    /// Where the chunk of the last read() stands.
    struct Place {
        std::uint64_t segment = 0;
        std::uint64_t offset = 0;
        std::uint64_t size = 0;  // header and records
    };
    [[nodiscard]] const Place& place() const noexcept { return place_; }

private:
    [[nodiscard]] bool await(Nanoseconds wait, const std::stop_token& stop);
    [[nodiscard]] ReadResult from_tail(const Tail::Entry& entry);
    [[nodiscard]] Result<ReadResult> from_disk();
    [[nodiscard]] Result<ReadResult> from_frame(const FrameHeader& header);
    [[nodiscard]] ReadResult gap(Lsn last, Gap::Cause cause);
    /// The frame of this segment that holds the position. Errors: not_found (the file is gone),
    /// corrupt, io.
    [[nodiscard]] Result<FrameHeader> find_frame(const SegmentInfo& segment);

    Disk& disk_;
    const Tail& tail_;
    const SegmentList& segments_;
    const Nanoseconds gather_;
    bool flows_ = false;  // the last wait was over within `gather_`
    Lsn position_;
    Place place_;
    std::optional<SegmentScan> scan_;
    std::uint64_t number_ = 0;  // of the segment that the next two are about
    std::uint64_t offset_ = 0;  // of a frame in it
    Lsn at_;                    // the first LSN of that frame
};

}  // namespace penstock::journal

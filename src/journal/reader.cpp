#include "journal/reader.h"

#include "journal/journal.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace penstock::journal {
namespace {

/// A frame's records as they were read from disk.
class DiskChunk final : public Chunk {
public:
    DiskChunk(Lsn first, std::uint32_t count, std::size_t size)
        : first_(first),
          count_(count),
          bytes_(std::make_unique_for_overwrite<std::byte[]>(size)),
          size_(size) {}

    [[nodiscard]] Lsn first() const noexcept override { return first_; }
    [[nodiscard]] std::uint32_t count() const noexcept override { return count_; }
    [[nodiscard]] std::span<const std::byte> records() const noexcept override {
        return {bytes_.get(), size_};
    }
    [[nodiscard]] std::span<std::byte> bytes() noexcept { return {bytes_.get(), size_}; }

private:
    Lsn first_;
    std::uint32_t count_;
    std::unique_ptr<std::byte[]> bytes_;
    std::size_t size_;
};

Error damaged(const SegmentInfo& segment, std::uint64_t offset, Lsn lsn) {
    return {
        Errc::corrupt,
        segment.path.string() + ": the frame of LSN " + std::to_string(lsn.value) + " at byte " +
            std::to_string(offset) +
            " is damaged; stop the daemon, then `penstock journal repair --accept-loss` keeps a "
            "copy "
            "and writes a gap in its place"
    };
}

Gap::Cause cause_of(const FrameHeader& header) noexcept {
    switch (static_cast<Gap::Cause>(header.gap_cause)) {
        case Gap::Cause::expired:
            return Gap::Cause::expired;
        case Gap::Cause::corrupt:
            return Gap::Cause::corrupt;
        case Gap::Cause::none:
        case Gap::Cause::skipped:
            break;
    }
    return Gap::Cause::skipped;
}

/// Segments that vanish while they are looked up.
constexpr int kTriesMax = 8;

}  // namespace

// ---- one segment --------------------------------------------------------------------------------

SegmentScan::SegmentScan(DiskFilePtr file, SegmentInfo segment)
    : file_(std::move(file)), segment_(std::move(segment)), block_(kBlock) {}

SegmentScan::~SegmentScan() {
    if (file_) file_->drop_cache();
}

Result<SegmentScan> SegmentScan::open(Disk& disk, const SegmentInfo& segment) {
    PS_TRY(auto file, disk.open(segment.path, OpenMode::read));
    return SegmentScan(std::move(file), segment);
}

Result<std::optional<FrameHeader>> SegmentScan::read_header(std::uint64_t offset) {
    PS_TRY(const auto got, file_->read(block_, offset));
    return load_frame_header(std::span(block_).first(got), segment_.nonce, offset);
}

Result<std::optional<FrameHeader>> SegmentScan::header(std::uint64_t offset) {
    PS_TRY(const auto header, read_header(offset));
    if (header) return header;
    file_->drop_cache();
    return read_header(offset);
}

Result<ChunkPtr> SegmentScan::chunk(const FrameHeader& header) {
    auto chunk = std::make_shared<DiskChunk>(Lsn{header.first}, header.count, header.payload_bytes);
    for (const bool again : {false, true}) {
        if (again) file_->drop_cache();
        PS_TRY(const auto got, file_->read(chunk->bytes(), header.offset + sizeof(FrameHeader)));
        if (got == header.payload_bytes && payload_matches(header, chunk->records()))
            return ChunkPtr(std::move(chunk));
    }
    return damaged(segment_, header.offset, {header.first});
}

Result<std::optional<FrameHeader>> SegmentScan::next_header(std::uint64_t offset) {
    PS_TRY(const auto size, file_->size());
    for (offset = whole_blocks(offset); offset < size; offset += kBlock) {
        PS_TRY(const auto header, read_header(offset));
        if (header) return header;
    }
    return std::optional<FrameHeader>{};
}

// ---- the whole journal --------------------------------------------------------------------------

Reader::Reader(Disk& disk, const Tail& tail, const SegmentList& segments, Nanoseconds gather)
    : disk_(disk), tail_(tail), segments_(segments), gather_(gather) {
    seek(segments_.oldest().value_or(tail_.durable().next()));
}

void Reader::seek(Lsn lsn) {
    position_ = std::max(lsn, Lsn{1});
}

Result<ReadResult> Reader::read(Nanoseconds wait, const std::stop_token& stop) {
    if (position_ > tail_.durable() && !await(wait, stop)) return ReadResult{};
    if (const auto entry = tail_.find(position_)) return from_tail(*entry);
    return from_disk();
}

bool Reader::await(Nanoseconds wait, const std::stop_token& stop) {
    if (wait <= 0) return false;
    const Nanoseconds rest = flows_ ? std::min(gather_, wait) : 0;
    if (rest > 0) {
        std::this_thread::sleep_for(std::chrono::nanoseconds(rest));
        if (position_ <= tail_.durable()) return true;
    }
    const auto began = std::chrono::steady_clock::now();
    const bool came = tail_.wait(position_, wait - rest, stop);
    const auto waited = std::chrono::steady_clock::now() - began;
    flows_ = came && rest + waited.count() < gather_;
    return came;
}

ReadResult Reader::from_tail(const Tail::Entry& entry) {
    scan_.reset();
    const std::size_t payload = entry.chunk ? entry.chunk->records().size() : 0;
    place_ = {entry.segment, entry.offset, sizeof(FrameHeader) + payload};
    // Where to go on, should the next frame have left memory.
    number_ = entry.segment;
    offset_ = entry.offset + frame_bytes(payload);
    at_ = entry.last.next();
    if (!entry.chunk) return gap(entry.last, entry.cause);
    position_ = entry.last.next();
    return {entry.chunk, {}};
}

ReadResult Reader::gap(Lsn last, Gap::Cause cause) {
    const Gap gap{position_, last, cause};
    position_ = last.next();
    return {nullptr, gap};
}

Result<ReadResult> Reader::from_disk() {
    std::optional<Error> vanished;
    for (int i = 0; i < kTriesMax; ++i) {
        const auto segment = segments_.find(position_);
        const auto oldest = segments_.oldest();
        if (oldest && position_ < *oldest) return gap(Lsn{oldest->value - 1}, Gap::Cause::expired);
        if (!segment)
            return Error{Errc::corrupt, "no segment holds LSN " + std::to_string(position_.value)};
        const auto frame = find_frame(*segment);
        if (frame) return from_frame(*frame);
        if (frame.error().code != Errc::not_found) return frame.error();
        vanished = frame.error();  // retired, or the open one was sealed meanwhile
    }
    return *vanished;
}

Result<FrameHeader> Reader::find_frame(const SegmentInfo& segment) {
    if (!scan_ || scan_->segment().nonce != segment.nonce) {
        scan_.reset();
        PS_TRY(auto scan, SegmentScan::open(disk_, segment));
        scan_.emplace(std::move(scan));
    }
    const auto start_over = [&] {
        number_ = segment.number;
        offset_ = kFirstFrameOffset;
        at_ = segment.first;
    };
    bool from_start = number_ != segment.number || at_ > position_;
    if (from_start) start_over();
    for (;;) {
        PS_TRY(const auto header, scan_->header(offset_));
        if (!header || Lsn{header->first} != at_) {
            const auto now = segments_.find(position_);
            if (now && now->number != segment.number)
                return Error{Errc::not_found, "the segment ends before the LSN"};
            if (from_start) return damaged(segment, offset_, at_);
            from_start = true;  // the place was remembered: damage is only what a walk finds
            start_over();
            continue;
        }
        if (header->next() > position_) return *header;
        at_ = header->next();
        offset_ += header->stored_bytes();
    }
}

Result<ReadResult> Reader::from_frame(const FrameHeader& header) {
    const Lsn last{header.next().value - 1};
    if (last > tail_.durable()) return damaged(scan_->segment(), header.offset, at_);
    if (header.kind == FrameKind::gap) return gap(last, cause_of(header));
    PS_TRY(auto chunk, scan_->chunk(header));
    place_ = {scan_->segment().number, header.offset, sizeof(FrameHeader) + header.payload_bytes};
    offset_ += header.stored_bytes();
    at_ = header.next();
    position_ = header.next();
    return ReadResult{std::move(chunk), {}};
}

std::unique_ptr<LogReader> Journal::reader() {
    return std::make_unique<Reader>(disk(), tail(), segments());
}

}  // namespace penstock::journal

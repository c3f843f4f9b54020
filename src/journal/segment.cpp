#include "journal/segment.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

namespace penstock::journal {

namespace {

constexpr std::size_t kZeroPiece = std::size_t{4} << 20U;
// Synced in between, so that the sync of the whole does not hold up commits to the same device.
constexpr std::uint64_t kZeroSync = std::uint64_t{8} << 20U;

struct AlignedFree {
    void operator()(std::byte* data) const noexcept {
        ::operator delete(data, std::align_val_t{kBlock});
    }
};

Status write_zeros(DiskFile& file, std::uint64_t size) {
    const auto bytes = std::min<std::uint64_t>(size, kZeroPiece);
    const std::unique_ptr<std::byte, AlignedFree> zeros(
        static_cast<std::byte*>(::operator new(bytes, std::align_val_t{kBlock}))
    );
    std::fill_n(zeros.get(), bytes, std::byte{0});
    for (std::uint64_t at = 0; at < size; at += bytes) {
        const auto piece = std::min(bytes, size - at);
        PS_CHECK(file.write({zeros.get(), piece}, at));
        if ((at + piece) % kZeroSync == 0) PS_CHECK(file.sync());
    }
    return file.sync();
}

/// Makes the file and fills it. Where segments are written past the page cache, the zeros are too:
/// copying them through it costs more CPU than all commits into them.
Status fill_new_file(
    Disk& disk, const std::filesystem::path& path, std::uint64_t size, OpenMode mode
) {
    PS_TRY(auto file, disk.open(path, OpenMode::create));
    if (mode == OpenMode::direct && size % kBlock == 0) {
        PS_TRY(file, disk.open(path, OpenMode::direct));
    }
    return write_zeros(*file, size);
}

}  // namespace

Status make_zero_file(
    Disk& disk, const std::filesystem::path& path, std::uint64_t size, OpenMode mode
) {
    Status status = fill_new_file(disk, path, size, mode);
    if (status.ok() || status.error().code == Errc::conflict) return status;
    // The file is of no use, and the first error is the one to tell; a start removes what cannot be
    // removed now.
    [[maybe_unused]] const Status removed = disk.remove(path);
    return status;
}

Result<SpareSegment> prepare_segment(
    Disk& disk,
    const std::filesystem::path& directory,
    std::uint64_t number,
    std::uint64_t size,
    OpenMode mode
) {
    SpareSegment spare{number, size, directory / segment_name(number), nullptr};
    auto unnamed = spare.path;
    unnamed.replace_extension(kPreparedSuffix);
    PS_CHECK(make_zero_file(disk, unnamed, size, mode));
    PS_CHECK(disk.rename(unnamed, spare.path));
    PS_CHECK(disk.sync_directory(directory));
    PS_TRY(spare.file, disk.open(spare.path, mode));
    return spare;
}

void OpenSegment::BlockFree::operator()(std::byte* block) const noexcept {
    ::operator delete(block, 2 * kBlock, std::align_val_t{kBlock});
}

OpenSegment::OpenSegment(SpareSegment spare, const SegmentHeader& header)
    : header_(header),
      path_(std::move(spare.path)),
      file_(std::move(spare.file)),
      blocks_(static_cast<std::byte*>(::operator new(2 * kBlock, std::align_val_t{kBlock}))),
      size_(spare.size),
      chain_(chain_of(header)),
      next_{header.first} {
    std::fill_n(blocks_.get(), 2 * kBlock, std::byte{0});
    store(header, {blocks_.get(), kBlock});
    store(header, {blocks_.get() + kBlock, kBlock});
}

std::span<const std::byte> OpenSegment::header_blocks() const noexcept {
    return {blocks_.get(), 2 * kBlock};
}

void OpenSegment::place(FrameHeader& frame, std::span<std::byte> out) noexcept {
    frame.nonce = header_.nonce;
    frame.offset = offset_;
    frame.previous = chain_;
    chain_ = store(frame, out);
    offset_ += frame.stored_bytes();
    next_ = frame.next();
    records_ += frame.count;
    ++frames_;
}

SegmentFooter OpenSegment::footer(SealCause cause, Nanoseconds now) const noexcept {
    SegmentFooter footer;
    footer.cause = cause;
    footer.frames = frames_;
    footer.journal = header_.journal;
    footer.nonce = header_.nonce;
    footer.number = header_.number;
    footer.first = header_.first;
    footer.last = next_.value - 1;
    footer.records = records_;
    footer.offset = offset_;
    footer.created = header_.created;
    footer.sealed = now;
    footer.chain = chain_;
    return footer;
}

SegmentInfo OpenSegment::info() const {
    SegmentInfo info;
    info.number = header_.number;
    info.nonce = header_.nonce;
    info.first = {header_.first};
    info.last = {next_.value - 1};
    info.bytes = size_;
    info.records = records_;
    info.created = header_.created;
    info.path = path_;
    return info;
}

Status seal_segment(Disk& disk, const std::filesystem::path& path, const SegmentFooter& footer) {
    PS_TRY(const auto file, disk.open(path, OpenMode::write));
    std::vector<std::byte> block(kBlock);
    store(footer, block);
    PS_CHECK(file->write(block, footer.offset));
    // The footer is durable before the zeros behind it are cut off: a file that ends without one
    // was not sealed.
    PS_CHECK(file->sync());
    PS_CHECK(file->resize(footer.offset + kBlock));
    return file->sync();
}

}  // namespace penstock::journal

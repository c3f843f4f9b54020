#include "journal/index_writer.h"

#include "base/crc32c.h"
#include "journal/byte_codec.h"
#include "journal/index_format.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace penstock::journal {

using index_format::kBlockSize;
using index_format::kHeaderSize;
using index_format::kMagic;
using index_format::kVersion;

namespace {

Nanoseconds minus(Nanoseconds a, Nanoseconds b) noexcept {
    return static_cast<Nanoseconds>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

/// A device's list without its checksum; `out` is overwritten.
void encode_postings(std::span<const Posting> list, Lsn base, std::vector<std::byte>& out) {
    out.clear();
    ByteWriter writer(out);
    Posting last{base, 0};
    for (const Posting& posting : list) {
        writer.varint(posting.lsn.value - last.lsn.value)
            .signed_varint(minus(posting.event_time, last.event_time));
        last = posting;
    }
}

/// Appends `body` with its checksum in front; returns the part's offset.
std::uint64_t append_checked(std::vector<std::byte>& file, std::span<const std::byte> body) {
    const std::uint64_t at = file.size();
    ByteWriter(file).fixed(crc32c(body)).bytes(body);
    return at;
}

std::size_t shared_prefix(std::string_view a, std::string_view b) noexcept {
    const auto [end, ignored] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return static_cast<std::size_t>(end - a.begin());
}

/// Packs entries into blocks; a device's entries stay in one block.
class BlockWriter {
public:
    explicit BlockWriter(std::vector<std::byte>& file) : file_(&file) {}

    void add(const DeviceSpan& entry, Lsn base) {
        if (body_.size() >= kBlockSize && entry.device != device_) flush();
        if (body_.empty()) first_ = entry.device;
        const std::size_t shared = body_.empty() ? 0 : shared_prefix(device_, entry.device);
        ByteWriter(body_)
            .varint(shared)
            .text(std::string_view(entry.device).substr(shared))
            .varint(entry.stream)
            .varint(entry.records)
            .fixed(entry.oldest)
            .fixed(entry.newest.event_time)
            .varint(entry.newest.lsn.value - base.value)
            .varint(entry.postings_at)
            .varint(entry.postings_size);
        device_ = entry.device;
    }
    /// Writes what is left and the directory's part about blocks.
    void finish(std::vector<std::byte>& directory) {
        flush();
        ByteWriter(directory).varint(count_).bytes(directory_);
    }

private:
    void flush() {
        if (body_.empty()) return;
        const auto at = append_checked(*file_, body_);
        ByteWriter(directory_).text(first_).varint(at).varint(file_->size() - at);
        ++count_;
        body_.clear();
    }

    std::vector<std::byte>* file_;
    std::vector<std::byte> body_;
    std::vector<std::byte> directory_;
    std::string first_;
    std::string device_;
    std::uint64_t count_ = 0;
};

std::vector<std::byte> encode_frames(const std::vector<FramePlace>& frames, Lsn base) {
    std::vector<std::byte> out;
    ByteWriter writer(out);
    writer.varint(frames.size());
    Lsn lsn = base;
    std::uint64_t offset = 0;
    for (const auto& frame : frames) {
        writer.varint(frame.count)
            .varint(frame.first.value - lsn.value)
            .varint(frame.offset - offset)
            .varint(frame.size);
        lsn = frame.first.plus(frame.count);
        offset = frame.offset + frame.size;
    }
    return out;
}

void encode_streams(const std::vector<StreamSpan>& streams, std::vector<std::byte>& directory) {
    ByteWriter writer(directory);
    writer.varint(streams.size());
    for (const auto& span : streams)
        writer.text(span.stream).varint(span.records).fixed(span.oldest).fixed(span.newest);
}

/// A part whose place and checksum stand in the header.
struct Placed {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
};

Placed append_placed(std::vector<std::byte>& file, std::span<const std::byte> body) {
    const Placed part{file.size(), body.size(), crc32c(body)};
    ByteWriter(file).bytes(body);
    return part;
}

}  // namespace

IndexWriter::IndexWriter(Lsn base) : base_(base), file_(kHeaderSize) {}

void IndexWriter::add(DeviceSpan entry, std::span<const Posting> postings) {
    encode_postings(postings, base_, postings_);
    entry.postings_at = append_checked(file_, postings_);
    entry.postings_size = file_.size() - entry.postings_at;
    entries_.push_back(std::move(entry));
}

std::vector<std::byte> IndexWriter::finish(
    const IndexKey& key,
    const std::vector<StreamSpan>& streams,
    const std::vector<FramePlace>& frames,
    std::uint64_t records
) && {
    std::vector<std::byte> directory;
    encode_streams(streams, directory);
    BlockWriter blocks(file_);
    for (const auto& entry : entries_)
        blocks.add(entry, base_);
    blocks.finish(directory);

    const Placed frames_part = append_placed(file_, encode_frames(frames, base_));
    const Placed directory_part = append_placed(file_, directory);
    const Lsn last = frames.empty() ? Lsn{} : frames.back().first.plus(frames.back().count - 1);
    std::vector<std::byte> header;
    ByteWriter(header)
        .fixed(kMagic)
        .fixed(kVersion)
        .fixed(std::uint16_t{0})
        .bytes(std::as_bytes(std::span(key.journal.bytes)))
        .fixed(key.nonce)
        .fixed(base_.value)
        .fixed(last.value)
        .fixed(records)
        .fixed(frames_part.offset)
        .fixed(frames_part.size)
        .fixed(frames_part.crc)
        .fixed(directory_part.offset)
        .fixed(directory_part.size)
        .fixed(directory_part.crc)
        .fixed(std::uint64_t{file_.size()});
    ByteWriter(header).fixed(crc32c(header));
    static_assert(kHeaderSize == 24 + 4 * 8 + 2 * 20 + 8 + 4);
    std::copy(header.begin(), header.end(), file_.begin());
    return std::move(file_);
}

}  // namespace penstock::journal

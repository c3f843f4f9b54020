#include "base/crc32c.h"
#include "journal/byte_codec.h"
#include "journal/device_index.h"
#include "journal/index_format.h"

#include <algorithm>
#include <cstring>

namespace penstock::journal {

using index_format::kHeaderSize;
using index_format::kMagic;
using index_format::kVersion;
using index_format::pick;

namespace {

Nanoseconds plus(Nanoseconds a, Nanoseconds b) noexcept {
    return static_cast<Nanoseconds>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

Error bad(std::string_view what) {
    return {Errc::corrupt, "device index: " + std::string(what)};
}

/// Decodes a device's list; `bytes` without the checksum.
Result<std::vector<Posting>> decode_postings(
    std::span<const std::byte> bytes, Lsn base, std::uint64_t records
) {
    ByteReader in(bytes);
    std::vector<Posting> list;
    list.reserve(std::min<std::uint64_t>(records, bytes.size() / 2));
    Posting last{base, 0};
    while (!in.empty()) {
        last.lsn = last.lsn.plus(in.varint());
        last.event_time = plus(last.event_time, in.signed_varint());
        list.push_back(last);
    }
    if (!in.ok() || list.size() != records) return bad("a device's list contradicts its count");
    return list;
}

}  // namespace

std::vector<FramePlace> index_format::pick(
    const std::vector<FramePlace>& frames, std::span<const Lsn> lsns
) {
    std::vector<FramePlace> picked;
    auto frame = frames.begin();
    for (const Lsn lsn : lsns) {
        if (!picked.empty() && picked.back().holds(lsn)) continue;
        frame = std::partition_point(frame, frames.end(), [lsn](const FramePlace& f) {
            return f.first.plus(f.count) <= lsn;
        });
        if (frame == frames.end()) break;
        if (frame->holds(lsn)) picked.push_back(*frame);
    }
    return picked;
}

Result<std::unique_ptr<IndexFile>> IndexFile::open(
    Read read, std::uint64_t file_size, const IndexKey& key
) {
    std::unique_ptr<IndexFile> file(new IndexFile(std::move(read)));
    PS_CHECK(file->read_header(file_size));
    if (file->header_.key != key) return bad("of another segment");
    PS_CHECK(file->read_directory());
    return file;
}

Status IndexFile::read_header(std::uint64_t file_size) {
    if (file_size < kHeaderSize) return bad("shorter than its header");
    std::vector<std::byte> bytes(kHeaderSize);
    PS_CHECK(read_(0, bytes));
    ByteReader in(bytes);
    if (in.fixed<std::uint32_t>() != kMagic) return bad("not an index");
    const auto version = in.fixed<std::uint16_t>();
    if (version > kVersion) return Error{Errc::unsupported, "device index: of a newer version"};
    const auto reserved = in.fixed<std::uint16_t>();
    const auto id = in.bytes(header_.key.journal.bytes.size());
    std::memcpy(header_.key.journal.bytes.data(), id.data(), id.size());
    header_.key.nonce = in.fixed<std::uint64_t>();
    header_.first = {in.fixed<std::uint64_t>()};
    header_.last = {in.fixed<std::uint64_t>()};
    header_.records = in.fixed<std::uint64_t>();
    for (Part* part : {&header_.frames, &header_.directory}) {
        part->offset = in.fixed<std::uint64_t>();
        part->size = in.fixed<std::uint64_t>();
        part->crc = in.fixed<std::uint32_t>();
    }
    header_.file_size = in.fixed<std::uint64_t>();
    const auto crc = in.fixed<std::uint32_t>();
    if (crc != crc32c(std::span(bytes).first(kHeaderSize - sizeof crc)))
        return bad("header checksum");
    if (version == 0 || reserved != 0 || header_.file_size != file_size ||
        header_.last < header_.first)
        return bad("header contradicts itself");
    return {};
}

Status IndexFile::read_directory() {
    PS_TRY(const auto bytes, checked(header_.directory));
    ByteReader in(bytes);
    const auto streams = in.varint();
    for (std::uint64_t i = 0; i < streams && in.ok(); ++i) {
        StreamSpan span;
        span.stream = in.text();
        span.records = in.varint();
        span.oldest = in.fixed<Nanoseconds>();
        span.newest = in.fixed<Nanoseconds>();
        memory_ += sizeof span + span.stream.size();
        streams_.push_back(std::move(span));
    }
    const auto blocks = in.varint();
    for (std::uint64_t i = 0; i < blocks && in.ok(); ++i) {
        Block block;
        block.first_device = in.text();
        block.offset = in.varint();
        block.size = in.varint();
        if (!blocks_.empty() && block.first_device <= blocks_.back().first_device) in.fail();
        memory_ += sizeof block + block.first_device.size();
        blocks_.push_back(std::move(block));
    }
    if (!in.ok() || !in.empty()) return bad("directory");
    return {};
}

Result<std::vector<std::byte>> IndexFile::raw(std::uint64_t offset, std::uint64_t size) const {
    if (offset > header_.file_size || size > header_.file_size - offset)
        return bad("a part lies outside the file");
    std::vector<std::byte> bytes(size);
    PS_CHECK(read_(offset, bytes));
    return bytes;
}

Result<std::vector<std::byte>> IndexFile::checked(const Part& part) const {
    PS_TRY(auto bytes, raw(part.offset, part.size));
    if (crc32c(bytes) != part.crc) return bad("checksum of a part");
    return bytes;
}

Result<std::vector<std::byte>> IndexFile::part(std::uint64_t offset, std::uint64_t size) const {
    PS_TRY(auto bytes, raw(offset, size));
    ByteReader in(bytes);
    const auto crc = in.fixed<std::uint32_t>();
    if (!in.ok()) return bad("a part is shorter than its checksum");
    bytes.erase(bytes.begin(), bytes.begin() + sizeof crc);
    if (crc32c(bytes) != crc) return bad("checksum of a part");
    return bytes;
}

Result<std::vector<DeviceSpan>> IndexFile::entries(const Block& block) const {
    PS_TRY(const auto bytes, part(block.offset, block.size));
    ByteReader in(bytes);
    std::vector<DeviceSpan> found;
    while (!in.empty()) {
        DeviceSpan entry;
        const auto shared = in.varint();
        const std::string_view before = found.empty() ? std::string_view() : found.back().device;
        if (shared > before.size()) return bad("a device's name");
        entry.device = before.substr(0, shared);
        entry.device += in.text();
        entry.stream = static_cast<std::uint32_t>(in.varint());
        entry.records = in.varint();
        entry.oldest = in.fixed<Nanoseconds>();
        entry.newest.event_time = in.fixed<Nanoseconds>();
        entry.newest.lsn = header_.first.plus(in.varint());
        entry.postings_at = in.varint();
        entry.postings_size = in.varint();
        if (!in.ok() || entry.stream >= streams_.size()) return bad("a device's entry");
        found.push_back(std::move(entry));
    }
    return found;
}

Result<std::vector<FramePlace>> IndexFile::frames() const {
    PS_TRY(const auto bytes, checked(header_.frames));
    ByteReader in(bytes);
    const auto count = in.varint();
    std::vector<FramePlace> frames;
    frames.reserve(std::min<std::uint64_t>(count, bytes.size() / 4));
    Lsn lsn = header_.first;
    std::uint64_t offset = 0;
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
        FramePlace frame;
        frame.count = static_cast<std::uint32_t>(in.varint());
        frame.first = lsn.plus(in.varint());
        frame.offset = offset + in.varint();
        frame.size = in.varint();
        lsn = frame.first.plus(frame.count);
        offset = frame.offset + frame.size;
        frames.push_back(frame);
    }
    if (!in.ok() || !in.empty()) return bad("frames");
    return frames;
}

std::size_t IndexFile::block_of(std::string_view device) const {
    const auto behind = std::partition_point(blocks_.begin(), blocks_.end(), [&](const Block& b) {
        return b.first_device <= device;
    });
    return behind == blocks_.begin() ? 0 : static_cast<std::size_t>(behind - blocks_.begin()) - 1;
}

Result<std::vector<DeviceSpan>> IndexFile::find(std::string_view device) const {
    if (blocks_.empty() || device < blocks_.front().first_device) return std::vector<DeviceSpan>{};
    PS_TRY(auto found, entries(blocks_[block_of(device)]));
    std::erase_if(found, [device](const DeviceSpan& entry) { return entry.device != device; });
    return found;
}

Result<std::vector<Posting>> IndexFile::postings(const DeviceSpan& entry) const {
    PS_TRY(const auto bytes, part(entry.postings_at, entry.postings_size));
    return decode_postings(bytes, header_.first, entry.records);
}

Result<std::vector<DeviceSpan>> IndexFile::page(std::string_view after, std::size_t limit) const {
    std::vector<DeviceSpan> picked;
    std::size_t devices = 0;
    for (std::size_t i = block_of(after); i < blocks_.size() && devices < limit; ++i) {
        PS_TRY(auto found, entries(blocks_[i]));
        for (auto& entry : found) {
            if (entry.device <= after || streams_[entry.stream].stream == kQuarantineStream)
                continue;
            const bool another = picked.empty() || picked.back().device != entry.device;
            if (another && ++devices > limit) break;
            picked.push_back(std::move(entry));
        }
    }
    return picked;
}

Result<std::vector<FramePlace>> IndexFile::frames_of(std::span<const Lsn> lsns) const {
    PS_TRY(const auto all, frames());
    return pick(all, lsns);
}

Status IndexFile::verify() const {
    PS_CHECK(frames());
    std::uint64_t records = 0;
    for (const auto& block : blocks_) {
        PS_TRY(const auto found, entries(block));
        for (const auto& entry : found) {
            PS_CHECK(postings(entry));
            records += entry.records;
        }
    }
    if (records != header_.records) return bad("its devices' records do not add up");
    return {};
}

}  // namespace penstock::journal

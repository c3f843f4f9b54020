#include "journal/device_index.h"

#include "base/crc32c.h"
#include "journal/byte_codec.h"

#include <algorithm>
#include <array>
#include <set>

namespace penstock::journal {
namespace {

constexpr std::uint32_t kMagic = 0x49445350;  // "PSDI"
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kHeaderSize = 108;
constexpr std::size_t kBlockSize = 4096;

Nanoseconds minus(Nanoseconds a, Nanoseconds b) noexcept {
    return static_cast<Nanoseconds>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
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

/// The opposite; `out` is overwritten.
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

/// Asks for the start of a record some records behind the one at the front: a device sends records
/// of about the same size, and no hardware foresees steps of that size.
void prefetch_behind(std::span<const std::byte> records, std::size_t size) noexcept {
    constexpr std::size_t kRecords = 6;
    const std::size_t at = size * kRecords;
    if (at + 128 > records.size()) return;
    __builtin_prefetch(records.data() + at);
    __builtin_prefetch(records.data() + at + 64);
}

/// Appends `body` with its checksum in front; returns the part's offset.
std::uint64_t append_part(std::vector<std::byte>& file, std::span<const std::byte> body) {
    const std::uint64_t at = file.size();
    ByteWriter(file).fixed(crc32c(body)).bytes(body);
    return at;
}

/// The frames (sorted by LSN) that hold some of `lsns` (ascending).
std::vector<FramePlace> pick(const std::vector<FramePlace>& frames, std::span<const Lsn> lsns) {
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
        const auto at = append_part(*file_, body_);
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

}  // namespace

// ---- the index in the making --------------------------------------------------------------------

void OpenIndex::add(const FramePlace& place, std::span<const std::byte> records) {
    const std::lock_guard lock(mutex_);
    if (place.count == 0) return;
    if (!frames_.empty() && place.first < frames_.back().first.plus(frames_.back().count)) return;
    frames_.push_back(place);
    // Devices come in any order: their slots are not in the cache. A few records are looked at
    // ahead, so that the misses of one look-up pass while others are at work.
    std::array<Coming, kAhead> coming;
    for (std::uint32_t i = 0; i < place.count;) {
        const auto wanted = std::min<std::uint32_t>(kAhead, place.count - i);
        std::uint32_t count = 0;
        for (; count < wanted; ++count) {
            const auto record = RecordView::parse_outline(records);
            if (!record) break;
            prefetch_behind(records, record->bytes().size());
            coming[count] = {*record, static_cast<std::uint32_t>(record->device_hash())};
            if (!table_.empty())
                __builtin_prefetch(&table_[coming[count].hash & (table_.size() - 1)]);
            records = records.subspan(record->bytes().size());
        }
        for (std::uint32_t k = 0; k < count && !table_.empty(); ++k) {
            const auto slot = table_[coming[k].hash & (table_.size() - 1)];
            if (slot != 0) __builtin_prefetch(&slots_[slot - 1]);
        }
        for (std::uint32_t k = 0; k < count; ++k)
            add_record(place.first.plus(i + k), coming[k]);
        i += count;
        if (count < wanted) {  // its size is unknown, and so is where the next one starts
            unreadable_ += place.count - i;
            return;
        }
    }
}

void OpenIndex::add_record(Lsn lsn, const Coming& coming) {
    const auto& record = coming.record;
    const Posting posting{lsn, record.event_time()};
    const auto stream = stream_of(record.quarantined() ? kQuarantineStream : record.stream());
    auto& span = streams_[stream];
    ++span.records;
    span.oldest = std::min(span.oldest, posting.event_time);
    span.newest = std::max(span.newest, posting.event_time);

    Slot& slot = slot_of(record.device(), coming.hash, stream);
    slot.oldest = std::min(slot.oldest, posting.event_time);
    slot.newest = slot.records == 0 ? posting : std::max(slot.newest, posting);
    ++slot.records;
    rows_.push_back({posting, slot.last});
    slot.last = static_cast<std::uint32_t>(rows_.size() - 1);
}

std::uint32_t OpenIndex::stream_of(std::string_view name) {
    for (std::uint32_t i = 0; i < streams_.size(); ++i)
        if (streams_[i].stream == name) return i;
    StreamSpan span;
    span.stream = name;
    streams_.push_back(std::move(span));
    return static_cast<std::uint32_t>(streams_.size() - 1);
}

template <class Visit>
void OpenIndex::visit_slots(std::string_view device, std::uint32_t hash, Visit visit) const {
    if (table_.empty()) return;
    std::array<char, Slot::kInline> start{};
    std::memcpy(start.data(), device.data(), std::min(device.size(), start.size()));
    const std::size_t mask = table_.size() - 1;
    for (std::size_t at = hash & mask; table_[at] != 0; at = (at + 1) & mask) {
        const Slot& slot = slots_[table_[at] - 1];
        const bool same = slot.hash == hash && slot.name_size == device.size() &&
                          slot.start == start &&
                          (device.size() <= start.size() || name(slot) == device);
        if (same && visit(table_[at] - 1)) return;
    }
}

void OpenIndex::grow_table() {
    constexpr std::size_t kFirst = 1024;
    table_.assign(std::max(kFirst, table_.size() * 2), 0);
    const std::size_t mask = table_.size() - 1;
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
        std::size_t at = slots_[slot].hash & mask;
        while (table_[at] != 0)
            at = (at + 1) & mask;
        table_[at] = slot + 1;
    }
}

OpenIndex::Slot& OpenIndex::slot_of(
    std::string_view device, std::uint32_t hash, std::uint32_t stream
) {
    Slot* found = nullptr;
    visit_slots(device, hash, [&](std::uint32_t i) {
        if (slots_[i].stream == stream) found = &slots_[i];
        return found != nullptr;
    });
    if (found != nullptr) return *found;
    Slot slot;
    slot.hash = hash;
    slot.name = static_cast<std::uint32_t>(names_.size());
    slot.name_size = static_cast<std::uint32_t>(device.size());
    slot.stream = stream;
    std::memcpy(slot.start.data(), device.data(), std::min(device.size(), slot.start.size()));
    names_ += device;
    slots_.push_back(slot);
    if (slots_.size() * 2 > table_.size()) {
        grow_table();
        return slots_.back();
    }
    const std::size_t mask = table_.size() - 1;
    std::size_t at = hash & mask;
    while (table_[at] != 0)
        at = (at + 1) & mask;
    table_[at] = static_cast<std::uint32_t>(slots_.size());
    return slots_.back();
}

void OpenIndex::rows_of(const Slot& slot, std::vector<Posting>& out) const {
    out.resize(slot.records);
    std::size_t left = out.size();
    for (auto row = slot.last; row != kNone; row = rows_[row].before)
        out[--left] = rows_[row].posting;
}

Lsn OpenIndex::base() const {
    return frames_.empty() ? Lsn{} : frames_.front().first;
}

DeviceSpan OpenIndex::span_of(std::uint32_t index) const {
    const Slot& slot = slots_[index];
    DeviceSpan span;
    span.device = name(slot);
    span.stream = slot.stream;
    span.records = slot.records;
    span.oldest = slot.oldest;
    span.newest = slot.newest;
    span.postings_at = index;
    return span;
}

std::vector<StreamSpan> OpenIndex::streams() const {
    const std::lock_guard lock(mutex_);
    return streams_;
}

Result<std::vector<DeviceSpan>> OpenIndex::find(std::string_view device) const {
    const std::lock_guard lock(mutex_);
    return spans_of(device);
}

std::vector<DeviceSpan> OpenIndex::spans_of(std::string_view device) const {
    std::vector<DeviceSpan> found;
    visit_slots(device, static_cast<std::uint32_t>(device_hash(device)), [&](std::uint32_t slot) {
        found.push_back(span_of(slot));
        return false;
    });
    std::ranges::sort(found, {}, &DeviceSpan::stream);
    return found;
}

Result<std::vector<Posting>> OpenIndex::postings(const DeviceSpan& entry) const {
    const std::lock_guard lock(mutex_);
    if (entry.postings_at >= slots_.size())
        return Error{Errc::invalid_argument, "device index: no such entry"};
    std::vector<Posting> list;
    rows_of(slots_[entry.postings_at], list);
    return list;
}

Result<std::vector<DeviceSpan>> OpenIndex::page(std::string_view after, std::size_t limit) const {
    const std::lock_guard lock(mutex_);
    std::set<std::string_view> first;  // the `limit` smallest devices behind `after`
    for (const Slot& slot : slots_) {
        const std::string_view device = name(slot);
        if (device <= after || quarantine(slot.stream)) continue;
        if (first.size() >= limit && device > *first.rbegin()) continue;
        first.insert(device);
        if (first.size() > limit) first.erase(std::prev(first.end()));
    }
    std::vector<DeviceSpan> entries;
    for (const auto device : first)
        for (auto& entry : spans_of(device))
            if (!quarantine(entry.stream)) entries.push_back(std::move(entry));
    return entries;
}

Result<std::vector<FramePlace>> OpenIndex::frames_of(std::span<const Lsn> lsns) const {
    const std::lock_guard lock(mutex_);
    return pick(frames_, lsns);
}

Lsn OpenIndex::end() const {
    const std::lock_guard lock(mutex_);
    return frames_.empty() ? Lsn{} : frames_.back().first.plus(frames_.back().count);
}

std::uint64_t OpenIndex::unreadable() const {
    const std::lock_guard lock(mutex_);
    return unreadable_;
}

std::vector<std::uint32_t> OpenIndex::sorted_slots() const {
    std::vector<std::uint32_t> order(slots_.size());
    for (std::uint32_t i = 0; i < order.size(); ++i)
        order[i] = i;
    std::sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) {
        const int by_device = name(slots_[a]).compare(name(slots_[b]));
        return by_device != 0 ? by_device < 0 : slots_[a].stream < slots_[b].stream;
    });
    return order;
}

std::vector<std::byte> OpenIndex::encode() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::byte> file(kHeaderSize);
    const auto order = sorted_slots();

    std::vector<DeviceSpan> entries;
    entries.reserve(order.size());
    std::vector<Posting> list;
    std::vector<std::byte> postings;
    for (const auto slot : order) {
        rows_of(slots_[slot], list);
        encode_postings(list, base(), postings);
        DeviceSpan entry = span_of(slot);
        entry.postings_at = append_part(file, postings);
        entry.postings_size = file.size() - entry.postings_at;
        entries.push_back(std::move(entry));
    }

    std::vector<std::byte> directory;
    ByteWriter streams(directory);
    streams.varint(streams_.size());
    for (const auto& span : streams_)
        streams.text(span.stream).varint(span.records).fixed(span.oldest).fixed(span.newest);
    BlockWriter blocks(file);
    for (const auto& entry : entries)
        blocks.add(entry, base());
    blocks.finish(directory);

    const auto frames = encode_frames(frames_, base());
    const std::uint64_t frames_at = file.size();
    ByteWriter(file).bytes(frames);
    const std::uint64_t directory_at = file.size();
    ByteWriter(file).bytes(directory);

    const Lsn end = frames_.empty() ? Lsn{} : frames_.back().first.plus(frames_.back().count - 1);
    std::vector<std::byte> header;
    ByteWriter(header)
        .fixed(kMagic)
        .fixed(kVersion)
        .fixed(std::uint16_t{0})
        .bytes(std::as_bytes(std::span(key_.journal.bytes)))
        .fixed(key_.nonce)
        .fixed(base().value)
        .fixed(end.value)
        .fixed(std::uint64_t{rows_.size()})
        .fixed(frames_at)
        .fixed(std::uint64_t{frames.size()})
        .fixed(crc32c(frames))
        .fixed(directory_at)
        .fixed(std::uint64_t{directory.size()})
        .fixed(crc32c(directory))
        .fixed(std::uint64_t{file.size()});
    ByteWriter(header).fixed(crc32c(header));
    static_assert(kHeaderSize == 24 + 4 * 8 + 2 * 20 + 8 + 4);
    std::copy(header.begin(), header.end(), file.begin());
    return file;
}

// ---- the index on disk --------------------------------------------------------------------------

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

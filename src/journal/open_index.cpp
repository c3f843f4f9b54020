#include "base/crc32c.h"
#include "journal/byte_codec.h"
#include "journal/device_index.h"
#include "journal/index_format.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <set>

namespace penstock::journal {

using namespace index_format;

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

/// Asks for the start of a record some records behind the one at the front: a device sends records
/// of about the same size, and no hardware foresees steps of that size.
void prefetch_behind(std::span<const std::byte> records, std::size_t size) noexcept {
    constexpr std::size_t kRecords = 6;
    const std::size_t at = size * kRecords;
    if (at + 192 > records.size()) return;
    __builtin_prefetch(records.data() + at);
    __builtin_prefetch(records.data() + at + 64);
    __builtin_prefetch(records.data() + at + 128);
}

/// Appends `body` with its checksum in front; returns the part's offset.
std::uint64_t append_part(std::vector<std::byte>& file, std::span<const std::byte> body) {
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

OpenIndex::NameStart OpenIndex::NameStart::of(std::string_view name) noexcept {
    static_assert(std::endian::native == std::endian::little);
    NameStart start;
    const std::size_t low = name.size() > 8 ? std::min<std::size_t>(name.size() - 8, 8) : 0;
    std::memcpy(&start.high, name.data(), std::min<std::size_t>(name.size(), 8));
    if (low != 0) std::memcpy(&start.low, name.data() + 8, low);
    start.high = __builtin_bswap64(start.high);
    start.low = __builtin_bswap64(start.low);
    return start;
}

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
    const NameStart start = NameStart::of(device);
    const std::size_t mask = table_.size() - 1;
    for (std::size_t at = hash & mask; table_[at] != 0; at = (at + 1) & mask) {
        const Slot& slot = slots_[table_[at] - 1];
        const bool same = slot.hash == hash && slot.name_size == device.size() &&
                          slot.start == start &&
                          (device.size() <= NameStart::kSize || name(slot) == device);
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
    Slot& slot = slots_.emplace_back();
    slot.hash = hash;
    slot.name = static_cast<std::uint32_t>(names_.size());
    slot.name_size = static_cast<std::uint32_t>(device.size());
    slot.stream = stream;
    slot.start = NameStart::of(device);
    names_ += device;
    if (slots_.size() * 2 > table_.size()) {
        grow_table();
        return slot;
    }
    const std::size_t mask = table_.size() - 1;
    std::size_t at = hash & mask;
    while (table_[at] != 0)
        at = (at + 1) & mask;
    table_[at] = static_cast<std::uint32_t>(slots_.size());
    return slot;
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
    struct Key {
        NameStart start;
        std::uint32_t slot = 0;
    };
    std::vector<Key> keys(slots_.size());
    for (std::uint32_t i = 0; i < keys.size(); ++i)
        keys[i] = {slots_[i].start, i};
    std::sort(keys.begin(), keys.end(), [this](const Key& a, const Key& b) {
        if (a.start != b.start) return a.start < b.start;
        const Slot& one = slots_[a.slot];
        const Slot& other = slots_[b.slot];
        const int by_device = name(one).compare(name(other));
        return by_device != 0 ? by_device < 0 : one.stream < other.stream;
    });
    std::vector<std::uint32_t> order;
    order.reserve(keys.size());
    for (const Key& key : keys)
        order.push_back(key.slot);
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

}  // namespace penstock::journal

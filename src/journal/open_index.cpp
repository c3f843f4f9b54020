#include "journal/device_index.h"
#include "journal/index_format.h"
#include "journal/index_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <set>

namespace penstock::journal {

using index_format::pick;

namespace {

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
    IndexWriter writer(base());
    std::vector<Posting> list;
    for (const auto slot : sorted_slots()) {
        rows_of(slots_[slot], list);
        writer.add(span_of(slot), list);
    }
    return std::move(writer).finish(key_, streams_, frames_, rows_.size());
}

}  // namespace penstock::journal

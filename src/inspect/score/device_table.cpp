#include "inspect/score/device_table.h"

#include "inspect/number.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

namespace penstock::inspect {
namespace {

constexpr std::size_t kFirstSlots = 64;
constexpr std::uint32_t kUnchanged = 0xffffffff;

}  // namespace

/// A device's block: this header, the states, the numbers of their metrics, the id; the first two
/// share a cache line.
struct DeviceTable::Device {
    std::uint64_t hash = 0;
    std::uint64_t position = 0;
    std::uint32_t place = 0;            // in devices_
    std::uint32_t change = kUnchanged;  // in changed_
    std::uint8_t id_size = 0;
    std::uint8_t metrics = 0;
    std::uint8_t capacity = 0;
    std::uint8_t reserved = 0;
    std::uint32_t state_size = 0;

    [[nodiscard]] std::byte* states() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
    [[nodiscard]] const std::byte* states() const noexcept {
        return reinterpret_cast<const std::byte*>(this + 1);
    }
    [[nodiscard]] std::span<std::byte> state(std::size_t i) noexcept {
        return {states() + i * state_size, state_size};
    }
    [[nodiscard]] std::span<const std::byte> state(std::size_t i) const noexcept {
        return {states() + i * state_size, state_size};
    }
    [[nodiscard]] std::uint16_t metric(std::size_t i) const noexcept {
        std::uint16_t number = 0;
        std::memcpy(&number, states() + std::size_t{capacity} * state_size + i * 2, 2);
        return number;
    }
    void set_metric(std::size_t i, std::uint16_t number) noexcept {
        std::memcpy(states() + std::size_t{capacity} * state_size + i * 2, &number, 2);
    }
    [[nodiscard]] char* id_bytes() noexcept {
        return reinterpret_cast<char*>(states() + std::size_t{capacity} * (state_size + 2));
    }
    [[nodiscard]] std::string_view id() const noexcept {
        return {
            reinterpret_cast<const char*>(states() + std::size_t{capacity} * (state_size + 2)),
            id_size
        };
    }
    [[nodiscard]] std::size_t size() const noexcept {
        return sizeof(Device) + std::size_t{capacity} * (state_size + 2) + id_size;
    }
};

DeviceTable::DeviceTable(
    const MetricCatalogue& metrics, const Detector& detector, std::size_t max_bytes
)
    : metrics_(&metrics),
      detector_(detector),
      state_size_(detector.state_size()),
      max_bytes_(max_bytes),
      slots_(kFirstSlots),
      mask_(kFirstSlots - 1) {
    static_assert(sizeof(Device) == 32);
    index_metrics();
}

DeviceTable::~DeviceTable() {
    for (Device* device : devices_)
        ::operator delete(device);
}

std::size_t DeviceTable::bytes() const noexcept {
    return device_bytes_ + slots_.size() * sizeof(Slot) + devices_.size() * 2 * sizeof(Device*);
}

DeviceTable::Device* DeviceTable::find(std::uint64_t hash, std::string_view id) const noexcept {
    for (std::size_t at = hash & mask_;; at = (at + 1) & mask_) {
        const Slot& slot = slots_[at];
        if (slot.device == nullptr) return nullptr;
        if (slot.hash == hash && slot.device->id() == id) return slot.device;
    }
}

DeviceTable::Device* DeviceTable::obtain(std::uint64_t hash, std::string_view id) {
    Device* device = find(hash, id);
    return device != nullptr ? device : make(hash, id, 1);
}

DeviceTable::Device* DeviceTable::make(
    std::uint64_t hash, std::string_view id, std::size_t capacity
) {
    Device made;
    made.hash = hash;
    made.id_size = static_cast<std::uint8_t>(id.size());
    made.capacity = static_cast<std::uint8_t>(capacity);
    made.state_size = static_cast<std::uint32_t>(state_size_);
    make_room(made.size() + 2 * sizeof(Device*));
    auto* device = new (::operator new(made.size())) Device(made);
    std::memcpy(device->id_bytes(), id.data(), id.size());
    device_bytes_ += device->size();
    device->place = static_cast<std::uint32_t>(devices_.size());
    devices_.push_back(device);
    if (devices_.size() * 3 > slots_.size() * 2) grow_index();
    insert(device);
    return device;
}

void DeviceTable::insert(Device* device) {
    std::size_t at = device->hash & mask_;
    while (slots_[at].device != nullptr)
        at = (at + 1) & mask_;
    slots_[at] = {device->hash, device};
}

void DeviceTable::grow_index() {
    const std::vector<Slot> old = std::move(slots_);
    slots_.assign(old.size() * 2, Slot{});
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old) {
        if (slot.device == nullptr) continue;
        std::size_t at = slot.hash & mask_;
        while (slots_[at].device != nullptr)
            at = (at + 1) & mask_;
        slots_[at] = slot;
    }
}

void DeviceTable::remove(Device* device) {
    std::size_t at = device->hash & mask_;
    while (slots_[at].device != device)
        at = (at + 1) & mask_;
    // Those behind that would not be found any more move up (Knuth, volume 3, algorithm 6.4 R).
    for (std::size_t next = (at + 1) & mask_; slots_[next].device != nullptr;
         next = (next + 1) & mask_) {
        const std::size_t home = slots_[next].hash & mask_;
        if (((next - home) & mask_) < ((next - at) & mask_)) continue;
        slots_[at] = slots_[next];
        at = next;
    }
    slots_[at] = Slot{};
    forget_change(device);
    devices_[device->place] = devices_.back();
    devices_[device->place]->place = device->place;
    devices_.pop_back();
    device_bytes_ -= device->size();
    ::operator delete(device);
}

void DeviceTable::make_room(std::size_t bytes_needed) {
    // Doubling the index at the next device counts now.
    const bool grows = (devices_.size() + 1) * 3 > slots_.size() * 2;
    const std::size_t needed = bytes_needed + (grows ? slots_.size() * sizeof(Slot) : 0);
    while (!devices_.empty() && bytes() + needed > max_bytes_)
        evict_one();
}

void DeviceTable::evict_one() {
    const std::size_t look_at = std::min(kCandidates, devices_.size());
    Device* oldest = nullptr;
    for (std::size_t i = 0; i < look_at; ++i) {
        if (hand_ >= devices_.size()) hand_ = 0;
        Device* candidate = devices_[hand_++];
        if (oldest == nullptr || candidate->position < oldest->position) oldest = candidate;
    }
    remove(oldest);
    ++evicted_;
}

/// The state of a metric of the device, made if there is none; empty when the device has too many.
/// May move the device.
std::span<std::byte> DeviceTable::state_of(Device*& device, std::uint16_t metric) {
    for (std::size_t i = 0; i < device->metrics; ++i) {
        if (device->metric(i) == metric) return device->state(i);
    }
    if (device->metrics == kMaxMetrics) {
        ++unscored_;
        return {};
    }
    if (device->metrics == device->capacity) device = widen(device);
    device->set_metric(device->metrics, metric);
    const auto state = device->state(device->metrics++);
    detector_.start(state);
    return state;
}

DeviceTable::Device* DeviceTable::widen(Device* device) {
    const std::size_t capacity =
        std::min<std::size_t>(kMaxMetrics, device->capacity + (device->capacity < 8 ? 1U : 8U));
    Device made = *device;
    made.capacity = static_cast<std::uint8_t>(capacity);
    auto* wider = new (::operator new(made.size())) Device(made);
    std::memcpy(wider->states(), device->states(), std::size_t{device->metrics} * state_size_);
    for (std::size_t i = 0; i < device->metrics; ++i)
        wider->set_metric(i, device->metric(i));
    std::memcpy(wider->id_bytes(), device->id().data(), device->id_size);
    std::size_t at = device->hash & mask_;
    while (slots_[at].device != device)
        at = (at + 1) & mask_;
    slots_[at].device = wider;
    devices_[wider->place] = wider;
    if (wider->change != kUnchanged) changed_[wider->change] = wider;
    device_bytes_ += wider->size() - device->size();
    ::operator delete(device);
    return wider;
}

Score DeviceTable::score(
    std::uint64_t hash,
    std::string_view device_id,
    Nanoseconds event_time,
    std::span<const Metric> metrics,
    std::uint64_t position
) {
    Score said;
    if (metrics.empty()) return said;
    Device* device = obtain(hash, device_id);
    if (position <= device->position) return said;
    device->position = position;
    Judgement worst;
    for (const Metric& metric : metrics) {
        const std::span<std::byte> state = state_of(device, metric.id);
        if (state.empty()) continue;
        const Judgement judged =
            detector_.judge(state, tunings_[metric.id], metric.value, event_time);
        if (!judged.known || (said.field != 0xffff && judged.value <= worst.value)) continue;
        worst = judged;
        said.field = metric.field;
    }
    said.value = worst.value;
    said.expected = static_cast<float>(worst.expected);
    said.deviation = static_cast<float>(worst.deviation());
    note_change(device);
    // A device that became wider may have passed the bound. It is the one heard of last, so it
    // stays.
    while (bytes() > max_bytes_ && devices_.size() > 1)
        evict_one();
    return said;
}

void DeviceTable::apply(const RecordView& record, Lsn lsn) {
    if (record.quarantined()) return;
    const auto before = [](const auto& entry, std::string_view name) { return entry.first < name; };
    const auto stream = std::lower_bound(streams_.begin(), streams_.end(), record.stream(), before);
    if (stream == streams_.end() || stream->first != record.stream()) return;
    found_.clear();
    const FieldTable fields = record.fields();
    for (const Scored& scored : stream->second) {
        for (std::uint16_t i = 0; i < fields.size(); ++i) {
            const Field field = fields[i];
            if (field.derived != scored.derived || field.name != scored.field) continue;
            if (field.type == FieldType::integer || field.type == FieldType::number)
                found_.push_back({scored.metric, i, parse_number(field.text)});
            break;
        }
    }
    (void)score(record.device_hash(), record.device(), record.event_time(), found_, lsn.value);
}

void DeviceTable::note_change(Device* device) {
    if (device->change != kUnchanged) return;
    device->change = static_cast<std::uint32_t>(changed_.size());
    changed_.push_back(device);
}

void DeviceTable::forget_change(Device* device) {
    if (device->change == kUnchanged) return;
    changed_[device->change] = changed_.back();
    changed_[device->change]->change = device->change;
    changed_.pop_back();
    device->change = kUnchanged;
}

void DeviceTable::mark_all_changed() {
    for (Device* device : devices_)
        note_change(device);
}

std::size_t DeviceTable::save_changed(std::size_t max, const TakeState& take) {
    for (; max > 0 && !changed_.empty(); --max) {
        Device* device = changed_.back();
        forget_change(device);
        fill(*device);
        take(device->position, blob_);
    }
    return changed_.size();
}

/// Makes the device's blob in blob_.
void DeviceTable::fill(const Device& device) {
    blob_.assign(StateBlob::size_of(device.id_size, device.metrics, state_size_), std::byte{0});
    std::byte* out = blob_.data();
    const auto put = [&out](const auto& value) {
        std::memcpy(out, &value, sizeof value);
        out += sizeof value;
    };
    put(static_cast<std::uint32_t>(blob_.size()));
    put(std::uint8_t{1});
    put(device.id_size);
    put(device.metrics);
    put(std::uint8_t{0});
    put(detector_.version());
    put(static_cast<std::uint16_t>(state_size_));
    put(std::uint32_t{0});
    put(device.position);
    for (std::size_t i = 0; i < device.metrics; ++i) {
        put(metrics_->metrics[device.metric(i)].key);
        const auto state = device.state(i);
        std::memcpy(out, state.data(), state.size());
        out += state.size();
    }
    std::memcpy(out, device.id().data(), device.id_size);
    StateBlob::seal(blob_);
}

Status DeviceTable::restore(const StateBlob& blob) {
    if (blob.detector() != detector_.version() || blob.state_size() != state_size_) return {};
    const std::uint64_t hash = device_hash(blob.device());
    for (std::size_t i = 0; i < blob.metrics(); ++i) {
        if (!detector_.valid(blob.state(i)))
            return Error{Errc::malformed, "a device's state holds values that no detector writes"};
    }
    Device* device = find(hash, blob.device());
    if (device != nullptr && device->position >= blob.lsn().value) return {};
    if (device != nullptr) remove(device);
    device =
        make(hash, blob.device(), std::max<std::size_t>(1, std::min(blob.metrics(), kMaxMetrics)));
    device->position = blob.lsn().value;
    for (std::size_t i = 0; i < blob.metrics(); ++i) {
        const auto metric = by_key_.find(blob.metric(i));
        if (metric == by_key_.end()) continue;
        const auto state = state_of(device, metric->second);
        if (!state.empty()) std::memcpy(state.data(), blob.state(i).data(), state.size());
    }
    return {};
}

void DeviceTable::use(const MetricCatalogue& metrics) {
    const MetricCatalogue& old = *metrics_;
    metrics_ = &metrics;
    index_metrics();
    for (Device* device : devices_) {
        std::uint8_t kept = 0;
        for (std::size_t i = 0; i < device->metrics; ++i) {
            const auto found = by_key_.find(old.metrics[device->metric(i)].key);
            if (found == by_key_.end()) continue;
            if (kept != i)
                std::memcpy(device->state(kept).data(), device->state(i).data(), state_size_);
            device->set_metric(kept++, found->second);
        }
        device->metrics = kept;
    }
}

void DeviceTable::index_metrics() {
    streams_.clear();
    by_key_.clear();
    tunings_.clear();
    for (std::size_t i = 0; i < metrics_->metrics.size(); ++i) {
        const MetricCatalogue::Entry& entry = metrics_->metrics[i];
        by_key_.emplace(entry.key, static_cast<std::uint16_t>(i));
        tunings_.push_back({entry.window, entry.warm_up});
        const auto same = [&entry](const auto& stream) { return stream.first == entry.stream; };
        auto stream = std::find_if(streams_.begin(), streams_.end(), same);
        if (stream == streams_.end()) stream = streams_.insert(stream, {entry.stream, {}});
        stream->second.push_back({static_cast<std::uint16_t>(i), entry.derived, entry.field});
    }
    std::sort(streams_.begin(), streams_.end(), [](const auto& a, const auto& b) {
        return a.first < b.first;
    });
}

}  // namespace penstock::inspect

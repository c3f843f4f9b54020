#pragma once

#include "inspect/metric.h"
#include "inspect/score/detector.h"
#include "inspect/score/state_blob.h"
#include "penstock/ids.h"
#include "penstock/record.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace penstock::inspect {

/// What one shard's scoring knows about its home devices, and the score of each of their records.
///
/// Order. Each device's state holds the position of the last record it includes. While the node
/// runs, positions are the shard's own numbering (rising, above every LSN that was restored or
/// applied); at recovery they are LSNs. A record at or below the state's position changes nothing.
///
/// Saving. `save_changed` hands out the state of the devices that changed since it was last asked,
/// each with its position. A blob may be kept in a file only when the record at its position is
/// durable, with that record's LSN set by StateBlob::set_lsn. After a start: `restore` the newest
/// blob of each device, then `apply` the journal's records in order from the lowest LSN a state may
/// lack; the scores that follow are those of a node that never stopped.
///
/// Bound: `max_bytes` over all devices with their index. At the bound a new device takes the place
/// of the one heard of least recently among kCandidates (all, in a small table); that is counted,
/// and costs the evicted device its learning. A table of a million devices costs about 170 bytes a
/// device with four metrics; growing its index stops the shard for some milliseconds, a number of
/// times logarithmic in the devices.
/// Threads: owning shard.
class DeviceTable {
public:
    /// Metrics of one device; further ones are not scored, and counted.
    static constexpr std::size_t kMaxMetrics = 64;
    static constexpr std::size_t kCandidates = 32;

    /// `metrics` and `detector` must outlive the table.
    DeviceTable(const MetricCatalogue& metrics, const Detector& detector, std::size_t max_bytes);
    ~DeviceTable();
    DeviceTable(const DeviceTable&) = delete;
    DeviceTable& operator=(const DeviceTable&) = delete;

    /// Load the device's place, and then its state, into the cache. Called some records ahead, one
    /// after the other, they hide two misses that cost more than the score.
    void prefetch_place(std::uint64_t hash) const noexcept {
        __builtin_prefetch(&slots_[hash & mask_]);
    }
    void prefetch_state(std::uint64_t hash) const noexcept {
        __builtin_prefetch(slots_[hash & mask_].device);
    }

    /// Judges the values of one record and learns them. The answer is that of the most unusual
    /// metric; its `field` is 0xffff when there is nothing to say (no metrics, or all too new), and
    /// then no score is to be set.
    Score score(
        std::uint64_t hash,
        std::string_view device,
        Nanoseconds event_time,
        std::span<const Metric> metrics,
        std::uint64_t position
    );

    /// The same for a record out of the journal, to bring a state up to date. Quarantined records
    /// are passed over.
    void apply(const RecordView& record, Lsn lsn);

    /// Hands out the states of up to `max` devices that changed since they were last handed out, in
    /// blobs that live for the call. Returns how many are left.
    using TakeState = std::function<void(std::uint64_t position, std::span<const std::byte> blob)>;
    std::size_t save_changed(std::size_t max, const TakeState& take);
    /// All devices count as changed: for a complete new file.
    void mark_all_changed();

    /// Takes a device's state, unless the table holds a newer one. Metrics that are not configured
    /// any more are left out; a state of another detector is, as a whole. Errors: malformed (a
    /// detector's state that no detector wrote).
    [[nodiscard]] Status restore(const StateBlob& blob);

    /// Goes over to another catalogue, after a change of settings; what is configured in both is
    /// kept.
    void use(const MetricCatalogue& metrics);

    [[nodiscard]] std::size_t devices() const noexcept { return devices_.size(); }
    [[nodiscard]] std::size_t changed() const noexcept { return changed_.size(); }
    [[nodiscard]] std::size_t bytes() const noexcept;
    [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_; }
    /// Values that were not scored because their device has kMaxMetrics others.
    [[nodiscard]] std::uint64_t unscored() const noexcept { return unscored_; }

private:
    struct Device;
    struct Slot {
        std::uint64_t hash = 0;
        Device* device = nullptr;
    };
    struct Scored {
        std::uint16_t metric = 0;
        bool derived = false;
        std::string_view field;
    };

    [[nodiscard]] Device* find(std::uint64_t hash, std::string_view id) const noexcept;
    Device* obtain(std::uint64_t hash, std::string_view id);
    Device* make(std::uint64_t hash, std::string_view id, std::size_t capacity);
    void insert(Device* device);
    void grow_index();
    void remove(Device* device);
    void make_room(std::size_t bytes_needed);
    void evict_one();
    [[nodiscard]] std::span<std::byte> state_of(Device*& device, std::uint16_t metric);
    Device* widen(Device* device);
    void note_change(Device* device);
    void forget_change(Device* device);
    void fill(const Device& device);
    void index_metrics();

    const MetricCatalogue* metrics_;
    const Detector& detector_;
    std::size_t state_size_;
    std::size_t max_bytes_;

    std::vector<Slot> slots_;
    std::size_t mask_;
    std::vector<Device*> devices_;
    std::vector<Device*> changed_;
    std::size_t hand_ = 0;  // where the next search for a device to evict begins
    std::size_t device_bytes_ = 0;
    std::uint64_t evicted_ = 0;
    std::uint64_t unscored_ = 0;

    std::vector<Tuning> tunings_;  // by number of the metric
    std::vector<std::byte> blob_;
    std::vector<Metric> found_;
    std::vector<std::pair<std::string_view, std::vector<Scored>>> streams_;  // sorted by name
    std::unordered_map<std::uint64_t, std::uint16_t> by_key_;                // number of a metric
};

}  // namespace penstock::inspect

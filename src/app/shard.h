#pragma once

#include "app/home_log.h"
#include "app/links.h"
#include "app/score_store.h"
#include "inspect/inspector.h"
#include "inspect/score/device_table.h"
#include "inspect/workspace.h"
#include "penstock/batch.h"
#include "penstock/ids.h"
#include "penstock/intake.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace penstock::metrics {
class Counter;
class Gauge;
class Registry;
}  // namespace penstock::metrics

namespace penstock::app {

/// One core's work: examines what its connections submit, brings each record to its device's home
/// shard, scores and journals the records whose home is here, and gives acknowledgements back. Read
/// submit() and turn() first. Threads: its loop's thread, but for the constructor.
class Shard final : public Intake {
public:
    struct Parts {
        ShardId id;
        std::shared_ptr<const inspect::Inspector> inspector;
        std::unique_ptr<inspect::DeviceTable> devices;
        Appender& appender;
        Links& links;
        /// Wakes another shard's loop.
        std::function<void(std::uint32_t shard)> wake;
        /// True while the node takes nothing: the journal is full or failed, or the node drains.
        const std::atomic<bool>& closed;
        /// The newest durable LSN of the node.
        std::function<Lsn()> durable;
        /// Above every LSN whose record is in `devices` already.
        Lsn first;
        metrics::Registry& registry;
    };
    explicit Shard(Parts parts);

    // ---- Intake: what listeners call
    Reply submit(const Message& message, const Ticket& ticket) override;
    void attach(Origin& origin) override { origin_ = &origin; }
    [[nodiscard]] bool closed() const noexcept override {
        return closed_.load(std::memory_order_relaxed);
    }

    /// Moves what the handlers left behind: durable batches and receipts to connections, parcels
    /// into the journal, batches to the commit thread. True when anything moved.
    bool turn();

    /// Messages submitted since the start.
    [[nodiscard]] std::uint64_t seen() const noexcept { return seen_; }

    /// Examines by other streams from now on. Records under way keep what they were given.
    void use(std::shared_ptr<const inspect::Inspector> inspector);

    /// Copies the states of devices that changed since the last checkpoint (`full`: of all), and
    /// calls `done` when all that is in the copy is durable.
    void checkpoint(bool full, std::function<void(ScoreSnapshot)> done);

    /// Nothing of this shard is on its way: every record taken is durable, every receipt is
    /// delivered.
    [[nodiscard]] bool settled();

private:
    struct Checkpoint {
        bool full = false;
        bool copied = false;
        std::uint64_t batches = 0;  // that must be durable before the copy may be used
        ScoreSnapshot snapshot;
        std::function<void(ScoreSnapshot)> done;
    };

    bool keep(const inspect::Examined& examined, const Ticket& ticket);
    bool forward(std::uint32_t home, const inspect::Examined& examined, const Ticket& ticket);
    void score_later(
        std::span<std::byte> encoded,
        std::uint64_t hash,
        Nanoseconds event_time,
        std::span<const inspect::Metric> metrics
    );
    void score_waiting();

    bool take_durable();
    bool take_receipts();
    bool take_parcels();
    bool take(Parcel& parcel, std::uint32_t from);
    bool send_parcels();
    bool send_parcel(std::uint32_t home);
    bool send_receipts();
    bool advance_checkpoint();
    void count_with(metrics::Registry& registry);

    static constexpr std::size_t kStatesAtATime = 4096;

    std::uint32_t id_;
    std::shared_ptr<const inspect::Inspector> inspector_;
    inspect::Workspace workspace_;
    std::unique_ptr<inspect::DeviceTable> devices_;
    HomeLog log_;
    Links& links_;
    std::function<void(std::uint32_t)> wake_;
    const std::atomic<bool>& closed_;
    std::function<Lsn()> durable_lsn_;
    Origin* origin_ = nullptr;

    std::vector<std::unique_ptr<Parcel>> parcels_;  // being filled, by home shard
    std::vector<std::vector<Ticket>> receipts_;     // to be sent, by shard
    std::vector<Ticket> durable_;                   // of this shard's connections
    Lsn newest_;                                    // of this shard's records that are durable
    std::uint64_t position_;  // of the last record in `devices_`, for as long as we run
    std::uint64_t seen_ = 0;  // messages submitted
    bool blocked_ = false;    // somebody was told `busy`
    std::unique_ptr<Checkpoint> checkpoint_;

    /// A record of the open batch whose score is not in it yet: its device's state is on its way
    /// into the cache.
    struct Unscored {
        std::span<std::byte> record;
        std::uint64_t hash = 0;
        Nanoseconds event_time = 0;
        std::uint32_t metrics = 0;
    };
    static constexpr std::size_t kUnscored = 32;
    static constexpr std::size_t kAhead = 8;  // records between the two misses of a look-up
    std::vector<Unscored> unscored_;
    std::vector<inspect::Metric> unscored_metrics_;

    /// Counters of what became of messages.
    struct Counters {
        std::array<metrics::Counter*, 4> received{};     // by Source
        std::array<metrics::Counter*, 8> quarantined{};  // by Refusal
        std::array<metrics::Counter*, 8> refused{};      // by Refusal
        metrics::Counter* forwarded = nullptr;
        metrics::Counter* busy = nullptr;
        metrics::Gauge* devices = nullptr;
        metrics::Gauge* evicted = nullptr;
        metrics::Gauge* unscored = nullptr;
    } counters_;
};

}  // namespace penstock::app

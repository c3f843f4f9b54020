#pragma once

#include "app/links.h"
#include "app/loop.h"
#include "app/pace.h"
#include "app/score_store.h"
#include "app/shard.h"
#include "ingest/shard_listeners.h"
#include "inspect/score/level_detector.h"
#include "penstock/intake.h"
#include "penstock/result.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace penstock::journal {
class Journal;
}

namespace penstock::app {

/// The shards of the node: their loops, threads, listeners, and the rings between them.
/// Life: construct -> devices() filled by recovery -> listen() -> start() -> drain() -> destroy.
/// Threads: owner, but for post(), use() and checkpoint(), which any thread may call while the
/// shards run.
class ShardSet final : public Shards {
public:
    /// `window`: how long a shard under load may rest so that records gather (Pace).
    ShardSet(
        std::uint32_t count,
        const std::shared_ptr<const inspect::Inspector>& inspector,
        std::uint64_t score_memory,
        Nanoseconds window,
        journal::Journal& journal,
        metrics::Registry& registry
    );
    ~ShardSet() override;
    ShardSet(const ShardSet&) = delete;
    ShardSet& operator=(const ShardSet&) = delete;

    /// A shard's scoring states, to be restored before start().
    [[nodiscard]] inspect::DeviceTable& devices(std::uint32_t shard) {
        return *shards_[shard]->devices;
    }

    /// Gives each shard its connections. Before start().
    void listen(ingest::Listeners& listeners);
    void start();

    /// While true, nothing is taken: HTTP answers 503, CONNECT is refused.
    void close_intake(bool closed) noexcept { closed_.store(closed, std::memory_order_relaxed); }

    /// Stops accepting and reading, acknowledges what was taken, says goodbye, and ends the
    /// threads. Within `bound`: then what is left is cut off. False when it was cut off.
    bool drain(Nanoseconds bound);

    /// All shards examine by these streams from soon on.
    void use(const std::shared_ptr<const inspect::Inspector>& inspector);

    /// Collects a checkpoint: waits for all shards, at most `bound`. Empty when they did not answer
    /// in time.
    [[nodiscard]] std::vector<ScoreSnapshot> checkpoint(bool full, Nanoseconds bound);

    // ---- Shards
    [[nodiscard]] std::uint32_t count() const noexcept override {
        return static_cast<std::uint32_t>(shards_.size());
    }
    void post(ShardId shard, std::function<void()> work) override;

private:
    /// One shard with all that runs on its thread.
    struct Seat {
        std::unique_ptr<Loop> loop;
        Pace pace;
        inspect::DeviceTable* devices = nullptr;  // owned by `shard`
        std::unique_ptr<Shard> shard;
        std::unique_ptr<ingest::ShardListeners> listeners;
        std::thread thread;
    };

    bool wait_settled(Nanoseconds deadline);

    const inspect::LevelDetector detector_;
    Links links_;
    std::atomic<bool> closed_{false
    };  // set by the owner, read by all shards; no order with anything else
    std::vector<std::unique_ptr<Seat>> shards_;
    bool running_ = false;
};

}  // namespace penstock::app

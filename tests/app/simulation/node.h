#pragma once

#include "app/links.h"
#include "app/shard.h"
#include "base/metrics.h"
#include "inspect/inspector.h"
#include "inspect/score/device_table.h"
#include "inspect/score/level_detector.h"
#include "journal/cursor.h"
#include "journal/journal.h"
#include "journal/quarantine_store.h"
#include "journal/retention.h"
#include "penstock/clock.h"
#include "penstock/disk.h"
#include "sinks/contract/memory_far_side.h"
#include "sinks/journal_stores.h"
#include "sinks/runner.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace penstock::simulation {

/// The listeners of one shard: devices hear what the shard says.
class Ear final : public Origin {
public:
    explicit Ear(std::function<void(const Ticket&)> acknowledged)
        : acknowledged_(std::move(acknowledged)) {}
    void durable(std::span<const Ticket> tickets) override {
        for (const Ticket& ticket : tickets)
            acknowledged_(ticket);
    }
    void room() override { busy = false; }

    bool busy = false;

private:
    std::function<void(const Ticket&)> acknowledged_;
};

/// What outlives a process.
struct Surroundings {
    Disk& disk;
    const Clock& clock;
    std::shared_ptr<const inspect::Inspector> inspector;
    std::vector<sinks::contract::MemoryFarSide>& far_sides;
    std::mt19937_64& random;
};

/// One process: shards, journal, sinks and retention as the daemon has them, each stepped by the
/// simulation instead of a thread.
class Node {
public:
    /// Starts a process. Errors: as Journal::open().
    static Result<std::unique_ptr<Node>> start(
        const Surroundings& around,
        std::uint32_t shards,
        std::function<void(const Ticket&)> acknowledged
    ) {
        auto node = std::unique_ptr<Node>(new Node);
        PS_CHECK(node->open(around, shards));
        node->add_shards(around, shards, std::move(acknowledged));
        node->add_sinks(around);
        return node;
    }
    ~Node() {
        runners.clear();
        shards.clear();
    }
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    [[nodiscard]] static std::string sink(std::size_t i) { return "sink" + std::to_string(i); }

    /// What came of the journal's failure: the process is to end.
    [[nodiscard]] bool failed() const noexcept { return failure_.has_value(); }

    /// As SIGTERM does, once what was taken is durable.
    [[nodiscard]] Status stop() {
        for (auto& runner : runners)
            runner->finish();
        return journal->close();
    }

    [[nodiscard]] double metric(std::string_view name, std::size_t sink_number) const {
        return registry_.value("penstock_sink_" + std::string(name), {{"sink", sink(sink_number)}});
    }

    // In the order in which they are made; they go in the other.
private:
    metrics::Registry registry_;
    std::optional<Error> failure_;
    std::atomic<bool> closed_{false};
    inspect::LevelDetector detector_;
    std::optional<app::Links> links_;

public:
    std::unique_ptr<journal::Journal> journal;
    std::unique_ptr<journal::QuarantineStore> quarantine;
    std::unique_ptr<journal::Retention> retention;
    std::vector<std::unique_ptr<Ear>> ears;
    std::vector<std::unique_ptr<app::Shard>> shards;
    std::vector<std::unique_ptr<sinks::Runner>> runners;

private:
    Node() = default;

    Status open(const Surroundings& around, std::uint32_t shard_count) {
        journal::Options options;
        options.directory = "/data/journal";
        options.shards = shard_count;
        options.config.segment_size = 128_KiB;
        options.config.batch_size = 16_KiB;
        options.config.record_max = 32_KiB;
        options.config.memory_tail = 32_KiB;
        options.config.disk_enough = 0_B;
        options.random = [&random = around.random](std::span<std::byte> out) {
            for (std::byte& byte : out)
                byte = static_cast<std::byte>(random() >> 56U);
        };
        const auto config = options.config;
        PS_TRY(
            journal,
            journal::Journal::open(std::move(options), around.disk, around.clock, registry_)
        );
        journal->set_on_failed([this](const Error& error) { failure_ = error; });
        PS_TRY(
            quarantine,
            journal::QuarantineStore::open(
                "/data/quarantine", journal->id(), {}, around.disk, around.clock
            )
        );
        journal::RetentionConfig kept;
        kept.retain_size = 256_KiB;
        retention = std::make_unique<journal::Retention>(
            journal::RetentionParts::of(*journal, config), kept, registry_
        );
        std::vector<journal::ExpectedSink> expected;
        for (std::size_t i = 0; i < around.far_sides.size(); ++i)
            expected.push_back({sink(i)});
        retention->expect(std::move(expected));
        return {};
    }

    void add_shards(
        const Surroundings& around,
        std::uint32_t count,
        std::function<void(const Ticket&)> acknowledged
    ) {
        links_.emplace(count);
        for (std::uint32_t i = 0; i < count; ++i) {
            shards.push_back(std::make_unique<app::Shard>(app::Shard::Parts{
                .id = {i},
                .inspector = around.inspector,
                .devices = std::make_unique<inspect::DeviceTable>(
                    around.inspector->metrics(), detector_, std::size_t{1} << 20U
                ),
                .appender = journal->appender({i}),
                .links = *links_,
                .wake = [](std::uint32_t) {},  // every shard gets its turn anyway
                .closed = closed_,
                .durable = [this] { return journal->durable(); },
                .first = journal->recovery().next,
                .registry = registry_,
            }));
            ears.push_back(std::make_unique<Ear>(acknowledged));
            shards.back()->attach(*ears.back());
        }
    }

    void add_sinks(const Surroundings& around) {
        for (std::size_t i = 0; i < around.far_sides.size(); ++i) {
            sinks::RunnerParts parts;
            parts.id = sink(i);
            parts.type = "memory";
            parts.settings.retry.longest = std::chrono::seconds(2);
            parts.settings.retry.alarm = std::chrono::seconds(5);
            parts.sink = around.far_sides[i].make_sink(journal->id());
            parts.reader = journal->reader();
            parts.open_reader = [this] { return journal->reader(); };
            parts.cursor = sinks::journal_cursor(journal->cursors(), parts.id);
            parts.refused = sinks::quarantine(*quarantine, parts.id);
            parts.metrics = &registry_;
            parts.clock = &around.clock;
            parts.seed = around.random();
            runners.push_back(std::make_unique<sinks::Runner>(std::move(parts)));
        }
    }
};

}  // namespace penstock::simulation

#pragma once

#include "base/metrics.h"
#include "sinks/contract/contract.h"
#include "sinks/runner.h"
#include "support/fake_log.h"
#include "support/fake_stores.h"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace penstock::sinks::contract {

/// A journal in memory, a runner with short waits, and one far side.
/// Threads: the test's.
class Rig {
public:
    explicit Rig(FarSide& far) : far_(far) {}

    /// `count` records of `devices` devices in chunks of ten; the value of each is its number.
    void append(std::size_t count, std::size_t devices = 5);
    void append(const test::RecordSpec& spec);

    /// Wraps each new sink (to look over its shoulder).
    std::function<std::unique_ptr<Sink>(std::unique_ptr<Sink>)> wrap;
    /// A new runner and sink on what is on disk.
    void start();
    /// What SIGKILL leaves: nothing but what is on disk.
    void kill() { runner_.reset(); }
    /// Steps until `done` or the far side's patience is over. Returns done().
    bool run_until(const std::function<bool()>& done, std::optional<Nanoseconds> within = {});
    /// Until the saved cursor has reached the end of the journal.
    bool drain();

    [[nodiscard]] RunnerParts parts();
    [[nodiscard]] SinkHealth health() const { return runner_->health(); }
    [[nodiscard]] bool drained() const { return disk.cursor && *disk.cursor >= log.durable(); }

    /// Every record but those left out has arrived, with its value, and the LSNs that the far side
    /// keeps fit.
    void check_all_arrived(const std::vector<Lsn>& but = {});
    /// What a reader that keeps each device's highest LSN sees is complete and in order.
    void check_order();

    test::FakeLog log;
    test::FakeDiskOfSink disk;
    metrics::Registry metrics;

private:
    struct Sent {
        Lsn lsn;
        test::RecordSpec spec;
    };

    FarSide& far_;
    std::vector<Sent> sent_;
    std::unique_ptr<Runner> runner_;
};

}  // namespace penstock::sinks::contract

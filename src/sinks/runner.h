#pragma once

#include "penstock/clock.h"
#include "penstock/log_reader.h"
#include "penstock/sink.h"
#include "sinks/config.h"
#include "sinks/health.h"
#include "sinks/selection.h"
#include "sinks/stores.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace penstock::metrics {
class Registry;
}

namespace penstock::sinks {

/// What a runner works with. Pointers and references must outlive it.
struct RunnerParts {
    std::string id;
    std::string type;
    SinkConfig settings;
    Selection only = {};  // what passes beside the settings: for a second delivery
    std::unique_ptr<Sink> sink;
    std::unique_ptr<LogReader> reader;
    /// A second reader, made when a refused record has to be read again for its copy.
    std::function<std::unique_ptr<LogReader>()> open_reader;
    std::unique_ptr<CursorFile> cursor;
    std::unique_ptr<RefusedStore> refused;
    metrics::Registry* metrics = nullptr;
    const Clock* clock = &system_clock();
    std::uint64_t seed = 0;  // of the jitter
};

/// Moves records from the journal to one sink, for ever: journal reader -> filter -> sink ->
/// cursor.
///
/// - The cursor follows confirmations only, after the sink's settle time (SafePoint), and is saved
/// at most every 100 ms
///   or 10,000 records. A record refused for good is copied into the quarantine store before the
///   cursor passes it; while that store is full the sink holds.
/// - Any failure: back off with full jitter (at least as long as the far side asked for), reset the
/// sink, start again
///   behind what is safe; credentials and settings: an alarm, and slow tries. Nothing is ever given
///   up or dropped.
/// - Gaps in the journal (expired, corrupt, skipped at a start) are counted and stepped over.
/// - The ledger (R6), exported and exact in every scrape, all since this start:
///       durable_lsn - base_lsn = confirmed + quarantined + filtered + expired + corrupt + skipped
///       + lag_records
///   The same over the life of the cursor is saved with it (balance.h) and shown in health().
///
/// Deterministic: time, journal, sink and randomness are given. step() is called by RunnerThread or
/// by a simulation.
///
/// Threads: one, but for health() and metrics, which any thread may read.
class Runner {
public:
    explicit Runner(RunnerParts parts);
    ~Runner();
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    /// One round: takes what the journal and the sink have ready. `patience` bounds the waits
    /// inside (0: does not wait at all, for simulations). Returns how long nothing needs to be
    /// done; at most one second.
    [[nodiscard]] Nanoseconds step(Nanoseconds patience, const std::stop_token& stop);
    /// Takes the last confirmations and saves the cursor. Does not wait for the far side.
    void finish();

    [[nodiscard]] SinkHealth health() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A runner on its own thread.
/// Threads: owner, but for health().
class RunnerThread {
public:
    explicit RunnerThread(RunnerParts parts);
    /// Stops within kSinkStopBound + 1 s.
    ~RunnerThread();
    RunnerThread(const RunnerThread&) = delete;
    RunnerThread& operator=(const RunnerThread&) = delete;

    void start();
    /// Asks to stop, without waiting: call it for all sinks, then stop() each.
    void request_stop() noexcept;
    /// Saves the cursor and ends the thread. False: it is stuck in a far side's library; the thread
    /// and all it uses stay behind, and the process should leave without taking down what they use.
    [[nodiscard]] bool stop(std::chrono::nanoseconds bound);

    [[nodiscard]] SinkHealth health() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace penstock::sinks

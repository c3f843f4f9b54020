#pragma once

#include "base/metrics.h"
#include "penstock/sink.h"
#include "sinks/health.h"
#include "sinks/ledger.h"

#include <array>
#include <string>

namespace penstock::sinks {

/// Why a round of a runner failed, for penstock_sink_errors_total{class}: the far side's classes,
/// and our own.
enum class ErrorClass : std::uint8_t {
    transient,
    throttled,
    credentials,
    configuration,
    journal,     // the journal could not be read
    cursor,      // the cursor could not be read or saved
    quarantine,  // the quarantine store takes nothing
    internal,    // a sink threw: a bug, survived
};
constexpr std::size_t kErrorClasses = 8;
[[nodiscard]] std::string_view name(ErrorClass error) noexcept;
[[nodiscard]] ErrorClass error_class(FailureClass failure) noexcept;

/// What became of the records that left a sink's ledger.
/// Threads: written by the runner's thread.
class LedgerCounters {
public:
    LedgerCounters(metrics::Registry& registry, const std::string& sink);

    void add(const Tally& tally) noexcept;
    /// The sum of all since this start.
    [[nodiscard]] std::uint64_t records() const noexcept { return records_; }

private:
    metrics::Counter& confirmed_;
    metrics::Counter& quarantined_;
    metrics::Counter& filtered_;
    metrics::Counter& expired_;
    metrics::Counter& corrupt_;
    metrics::Counter& skipped_;
    std::uint64_t records_ = 0;
};

/// What one runner counts. All of it since this start. The figures of the ledger are set together
/// (Registry::together), so that they add up in every scrape. Threads: written by the runner's
/// thread.
struct RunnerMetrics {
    RunnerMetrics(metrics::Registry& registry, const std::string& sink);

    void add(const Tally& tally) noexcept { ledger.add(tally); }
    /// The runner goes, its cells stay: makes them count nothing beside those of a later runner of
    /// this sink. What was counted stays, and the base of the later one is lowered by it, so that
    /// the books still balance.
    void retire() noexcept;

    metrics::Counter& sent_records;
    metrics::Counter& sent_bytes;
    LedgerCounters ledger;
    metrics::Counter& retries;
    std::array<metrics::Counter*, kErrorClasses> errors{};
    metrics::Gauge& lag_records;
    metrics::Gauge& lag_seconds;
    metrics::Gauge& base_lsn;
    metrics::Gauge& durable_lsn;
    metrics::Gauge& cursor_lsn;
    metrics::Gauge& state;
};

}  // namespace penstock::sinks

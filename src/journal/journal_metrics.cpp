#include "journal/journal_metrics.h"

#include "journal/journal.h"
#include "journal/steward.h"

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace penstock::journal {

Committer::Counters commit_counters(metrics::Registry& registry) {
    return {
        &registry.counter("penstock_journal_commits_total", "Writes that became durable."),
        &registry.counter("penstock_journal_records_total", "Records that became durable."),
        &registry.counter("penstock_journal_bytes_total", "Bytes written to segments."),
        &registry.counter(
            "penstock_journal_padding_bytes_total",
            "Bytes of these that fill up the last block of a frame."
        ),
        &registry.histogram(
            "penstock_journal_commit_seconds",
            "Time from the start of a write until it was durable."
        ),
    };
}

void count_recovery(const RecoveryReport& report, metrics::Registry& registry) {
    const auto counted = [&](std::string_view name, std::string_view help, std::uint64_t value) {
        registry.counter(name, help).add(value);
    };
    counted(
        "penstock_journal_skipped_lsns_total", "LSNs stepped over at starts.", report.skipped_lsns
    );
    counted(
        "penstock_journal_torn_bytes_total",
        "Bytes cut at starts, never acknowledged.",
        report.torn_bytes
    );
    counted(
        "penstock_journal_lost_lsns_total",
        "Acknowledged LSNs found damaged and accepted as lost.",
        report.lost_lsns
    );
}

std::vector<metrics::Registration> export_journal(
    const Journal& journal, const Steward& steward, metrics::Registry& registry
) {
    std::vector<metrics::Registration> exported;
    const auto gauge =
        [&](std::string_view name, std::string_view help, std::function<double()> read) {
            exported.push_back(registry.gauge_fn(name, help, {}, std::move(read)));
        };
    gauge("penstock_journal_durable_lsn", "The newest durable LSN.", [&journal] {
        return static_cast<double>(journal.durable().value);
    });
    gauge("penstock_journal_oldest_lsn", "The oldest LSN that is kept.", [&journal] {
        return static_cast<double>(journal.oldest().value);
    });
    gauge("penstock_journal_segments", "Segment files.", [&journal] {
        return static_cast<double>(journal.segments().size());
    });
    gauge("penstock_journal_size_bytes", "Bytes of all segment files.", [&journal] {
        return static_cast<double>(journal.segments().bytes());
    });
    gauge("penstock_journal_full", "1 while no records are taken for want of space.", [&journal] {
        return journal.full() ? 1.0 : 0.0;
    });
    gauge("penstock_journal_low_space", "1 while the disk is above its soft mark.", [&steward] {
        return steward.low() ? 1.0 : 0.0;
    });
    gauge(
        "penstock_journal_runway_seconds",
        "Time until the journal is full at the present rate, should nothing be deleted.",
        [&steward] { return steward.runway_seconds(); }
    );
    gauge("penstock_journal_failed", "1 after a write or sync failed.", [&journal] {
        return journal.state() == State::failed ? 1.0 : 0.0;
    });
    gauge("penstock_journal_memory_tail_bytes", "Newest records kept in memory.", [&journal] {
        return static_cast<double>(journal.tail().bytes());
    });
    registry
        .gauge(
            "penstock_journal_io_mode",
            "1 for the way segments are written.",
            {{"mode", std::string(journal.io_mode())}}
        )
        .set(1);
    return exported;
}

}  // namespace penstock::journal

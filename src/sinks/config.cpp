#include "sinks/config.h"

#include "sinks/registry.h"

namespace penstock::config {

using journal::WhenBehind;
using sinks::Records;
using sinks::RetryConfig;
using sinks::SinkConfig;

Table<RetryConfig> Fields<RetryConfig>::table() {
    using std::chrono::hours;
    using std::chrono::milliseconds;
    return {
        field(
            "first",
            &RetryConfig::first,
            "Longest wait after the first failure; doubles with each further one.",
            between<Duration>(milliseconds(1), hours(1))
        ),
        field(
            "longest",
            &RetryConfig::longest,
            "The wait grows to this at most.",
            between<Duration>(milliseconds(1), hours(1))
        ),
        field(
            "alarm",
            &RetryConfig::alarm,
            "Longest wait while the far side refuses credentials or settings.",
            between<Duration>(milliseconds(1), hours(24))
        ),
    };
}

void Fields<RetryConfig>::check(const RetryConfig& c, const Origin& where, Problems& problems) {
    if (c.longest < c.first)
        problems.error(where.at("longest"), "'longest' must not be below 'first'");
}

Table<SinkConfig> Fields<SinkConfig>::table() {
    return {
        field(
            "streams",
            &SinkConfig::streams,
            "Only records of these streams; empty: all.",
            max_items(256)
        ),
        field(
            "records",
            &SinkConfig::records,
            "Which records: those that passed inspection, those in quarantine, or all.",
            one_of<Records>(
                {{"accepted", Records::accepted},
                 {"quarantined", Records::quarantined},
                 {"all", Records::all}}
            )
        ),
        field(
            "where",
            &SinkConfig::where,
            "Only records for which this expression holds, as heartRate > 140 or status != "
            "'NORMAL'. "
            "Names are fields, and what Penstock adds: status, score, _penstock.device and its "
            "like."
        ),
        field(
            "start_at",
            &SinkConfig::start_at,
            "Where a new sink begins: with the oldest record kept, with the next one, or with the "
            "first that arrived at a time, as 2026-01-02T03:04:05Z."
        ),
        field(
            "when_behind",
            &SinkConfig::when_behind,
            "What becomes of records that this sink has not delivered when retain_size or "
            "retain_time is passed: hold keeps them, and in the end holds up the devices; shed "
            "deletes them, counted in penstock_sink_expired_records_total.",
            one_of<WhenBehind>({{"hold", WhenBehind::hold}, {"shed", WhenBehind::shed}})
        ),
        field(
            "retry", &SinkConfig::retry, "How long to wait after a failure. Tries go on for ever."
        ),
    };
}

KindList<SinkConfig> Kinds<SinkConfig>::list() {
    KindList<SinkConfig> list;
    for (const sinks::SinkKind& kind : sinks::sink_kinds())
        list.push_back(kind.settings);
    return list;
}

}  // namespace penstock::config

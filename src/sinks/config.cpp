#include "sinks/config.h"

#include "sinks/registry.h"

namespace penstock::config {

using sinks::Records;
using sinks::RetryConfig;
using sinks::SinkConfig;
using sinks::StartAt;

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
            "start_at",
            &SinkConfig::start_at,
            "Where a new sink begins: with the oldest record kept, or with the next one.",
            one_of<StartAt>({{"earliest", StartAt::earliest}, {"latest", StartAt::latest}})
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

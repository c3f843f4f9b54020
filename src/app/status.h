#pragma once

#include "api/readiness.h"
#include "journal/journal.h"
#include "journal/quarantine_store.h"
#include "journal/retention.h"
#include "sinks/health.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::metrics {
class Registry;
}

/// What the admin API tells about the node.
namespace penstock::app {

/// JSON of `/v1/status`: version, journal, records taken, connections.
[[nodiscard]] std::string status_json(
    const journal::Journal& journal,
    const metrics::Registry& registry,
    std::uint64_t config_generation
);

/// JSON of `/v1/sinks`: state, lag, runway, cursor and last error of each. An infinite runway is
/// null; a sink that no pass of retention has seen yet has none.
[[nodiscard]] std::string sinks_json(
    const std::vector<sinks::SinkHealth>& sinks,
    const std::vector<journal::Backlog>& backlogs,
    const journal::QuarantineStore& quarantine
);

/// Of a node that recovers.
[[nodiscard]] api::Readiness not_ready_yet();
/// Of a node that runs: why it takes nothing, and which sinks are in trouble.
[[nodiscard]] api::Readiness readiness_of(
    journal::State journal, const std::vector<sinks::SinkHealth>& sinks, bool draining
);

}  // namespace penstock::app

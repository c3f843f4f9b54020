#pragma once

#include "api/readiness.h"
#include "journal/journal.h"
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

/// JSON of `/v1/sinks`: state, lag, cursor and last error of each.
[[nodiscard]] std::string sinks_json(const std::vector<sinks::SinkHealth>& sinks);

/// Of a node that recovers.
[[nodiscard]] api::Readiness not_ready_yet();
/// Of a node that runs: why it takes nothing, and which sinks are in trouble.
[[nodiscard]] api::Readiness readiness_of(
    journal::State journal, const std::vector<sinks::SinkHealth>& sinks, bool draining
);

}  // namespace penstock::app

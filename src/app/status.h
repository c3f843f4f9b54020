#pragma once

#include "sinks/health.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::journal {
class Journal;
}
namespace penstock::metrics {
class Registry;
}

/// What the admin API tells about the node, as JSON.
namespace penstock::app {

/// `/v1/status`: version, journal, records taken, connections.
[[nodiscard]] std::string status_json(
    const journal::Journal& journal,
    const metrics::Registry& registry,
    std::uint64_t config_generation
);

/// `/v1/sinks`: state, lag, cursor and last error of each.
[[nodiscard]] std::string sinks_json(const std::vector<sinks::SinkHealth>& sinks);

}  // namespace penstock::app

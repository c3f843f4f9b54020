#pragma once

#include "base/metrics.h"
#include "base/mqtt/packet.h"
#include "ingest/mqtt/clients.h"

#include <array>

namespace penstock::mqtt {

/// What MQTT keeps per shard.
/// Threads: owning shard.
struct ShardPart {
    explicit ShardPart(metrics::Registry& registry);

    Clients clients;
    std::array<metrics::Counter*, 16> received;  // by packet type
    metrics::Histogram& packets_per_read;
};

}  // namespace penstock::mqtt

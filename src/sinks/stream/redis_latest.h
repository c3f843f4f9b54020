#pragma once

#include "penstock/sink.h"
#include "sinks/registry.h"
#include "sinks/stream/redis_config.h"

#include <memory>

namespace penstock::sinks {

/// `type: redis_latest`: keeps the latest record of each device in a hash, see redis_sink.h.
///
/// A hash holds the fields of the record that is newest by event time, then LSN, whatever the order
/// in which records come: an older one changes nothing, and the same one again leaves it as it is.
/// Beside the fields stands `_penstock.order`, by which that is told. A hash is replaced as a
/// whole, and expires.
[[nodiscard]] SinkKind redis_latest_kind();

[[nodiscard]] Result<std::unique_ptr<Sink>> make_redis_latest_sink(
    const RedisLatestConfig& config, const SinkContext& context
);

}  // namespace penstock::sinks

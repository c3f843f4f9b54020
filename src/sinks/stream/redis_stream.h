#pragma once

#include "penstock/sink.h"
#include "sinks/registry.h"
#include "sinks/stream/redis_config.h"

#include <memory>

namespace penstock::sinks {

/// `type: redis_stream`: appends records to Redis Streams (XADD), see redis_sink.h. An entry has
/// the fields `data` (the message), `journal` and `lsn`, which tell what was sent again.
[[nodiscard]] SinkKind redis_stream_kind();

[[nodiscard]] Result<std::unique_ptr<Sink>> make_redis_stream_sink(
    const RedisStreamConfig& config, const SinkContext& context
);

}  // namespace penstock::sinks

#pragma once

#include "penstock/result.h"
#include "penstock/sink.h"
#include "sinks/registry.h"
#include "sinks/series/config.h"

#include <memory>

namespace penstock::sinks {

/// `type: line_protocol`: points over HTTP into VictoriaMetrics, InfluxDB and what speaks like
/// them.
///
/// One request is under way at a time, in LSN order; one batch more is being filled. A batch is
/// safe when each of its lines was in a write that got a 2xx, or is refused (sift.h,
/// write_answer.h). A write repeated after a failure writes the same points again: stores keep one
/// of equal series and time. Memory: two batches, and one again while it is sifted or compressed.
[[nodiscard]] Result<std::unique_ptr<Sink>> make_line_protocol_sink(
    const LineProtocolConfig& config, const SinkContext& context
);

/// For registry.cpp.
[[nodiscard]] SinkKind line_protocol_kind();

}  // namespace penstock::sinks

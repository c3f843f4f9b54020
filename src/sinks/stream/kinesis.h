#pragma once

#include "penstock/sink.h"
#include "sinks/registry.h"
#include "sinks/stream/kinesis_config.h"

#include <memory>

namespace penstock::sinks {

/// `type: kinesis`: records of a stream that speaks the Kinesis API (PutRecords, SigV4).
///
/// - Order per partition key: of each key one record is under way at a time, because the service
/// may store some records of a request and refuse others. With random keys none is kept.
/// - Confirmed is what has a sequence number in the answer. Records that a request did not store
/// are sent again, after a pause that grows (full jitter), the others are not.
/// - A record that is larger than `record_max` with its key is refused.
/// - Throttling is `throttled`, a stream that is missing `configuration`.
[[nodiscard]] SinkKind kinesis_kind();

[[nodiscard]] Result<std::unique_ptr<Sink>> make_kinesis_sink(
    const KinesisConfig& config, const SinkContext& context
);

}  // namespace penstock::sinks

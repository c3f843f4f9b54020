#pragma once

#include "penstock/sink.h"
#include "sinks/document/dynamodb_config.h"
#include "sinks/registry.h"
#include "sinks/transport/aws_json.h"

#include <memory>

namespace penstock::sinks {

/// `type: dynamodb`: items of a table of Amazon DynamoDB, or of a service that speaks its API
/// (BatchWriteItem, SigV4), one request at a time.
///
/// - A record has one key, made of its device and of journal and LSN: what is sent again puts the
/// same item again. Without a sort key an item is the latest to arrive of its partition key; two of
/// one key are never in one request.
/// - Confirmed is what a 200 does not name as unprocessed; what it names is sent again alone, after
/// a pause that grows, before anything newer.
/// - An item that the service finds fault with, or that is larger than `record_max`, is refused.
/// - Throttling is `throttled`, a table that is missing or has other keys `configuration`.
[[nodiscard]] SinkKind dynamodb_kind();

[[nodiscard]] Result<std::unique_ptr<Sink>> make_dynamodb_sink(
    const DynamodbConfig& config, const SinkContext& context
);

/// Source: Amazon DynamoDB API reference, 2012-08-10 (JSON 1.0).
[[nodiscard]] AwsJson dynamodb_service(const DynamodbConfig& config, const Clock& clock);

}  // namespace penstock::sinks

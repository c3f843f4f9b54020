#pragma once

#include "penstock/sink.h"
#include "sinks/document/elasticsearch_config.h"
#include "sinks/registry.h"

#include <memory>

namespace penstock::sinks {

/// `type: elasticsearch`: documents for Elasticsearch or OpenSearch (_bulk, op `create`), one
/// request at a time.
///
/// - The id of a document is `<journal>-<lsn>`: what is sent again is stored once (409 is stored).
/// - Confirmed is what the answer says was created. Documents that the cluster throttled (429) or
/// whose shard is away are sent again alone, before anything newer.
/// - A document that its index's mapping does not take is refused; so is one that is larger than
/// `record_max`, or alone too large for the server (413).
/// - Throttling of a whole request is `throttled`; an index that is missing and not made, or
/// closed, is `configuration`.
[[nodiscard]] SinkKind elasticsearch_kind();

[[nodiscard]] Result<std::unique_ptr<Sink>> make_elasticsearch_sink(
    const ElasticsearchConfig& config, const SinkContext& context
);

}  // namespace penstock::sinks

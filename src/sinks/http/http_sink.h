#pragma once

#include "penstock/sink.h"
#include "sinks/http/http_config.h"
#include "sinks/registry.h"

#include <memory>

namespace penstock::sinks {

/// `type: http`: posts batches of records to a URL, one request at a time.
///
/// - Confirmed is what a 2xx has answered.
/// - 401, 403 and 407 are `credentials`; 429 and 503 `throttled`, honouring Retry-After; 408, 5xx
/// and no answer `transient`; other refusals `configuration`, unless `refused_statuses` says that
/// they blame a record. A body that is too large (413) is sent in parts.
/// - The header Penstock-Batch (`<journal>-<first LSN>-<last LSN>`) tells what a request holds;
/// what had no answer is sent again, perhaps cut differently.
/// - A record with a line break in its text (`format: raw`) is refused: a body of lines cannot hold
/// it.
[[nodiscard]] SinkKind http_kind();

[[nodiscard]] Result<std::unique_ptr<Sink>> make_http_sink(
    const HttpPostConfig& config, const SinkContext& context
);

}  // namespace penstock::sinks

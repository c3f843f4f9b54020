#pragma once

#include "penstock/result.h"
#include "penstock/sink.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks {

/// What became of the documents of one _bulk request that the far side answered with 200; the
/// others, by their place in it, are stored. 409 is stored: a document of that id is there.
struct BulkAnswer {
    std::vector<std::size_t> again;  // throttled (429) or a shard that is away (5xx)
    std::optional<SinkFailure> why;  // of one of them
    std::vector<std::pair<std::size_t, std::string>> refused;  // the document itself is at fault
    std::optional<SinkFailure> failure;  // nobody may write there, or nothing can be written there
};

/// Errors: malformed, when the answer does not tell about exactly `count` documents.
/// Source: Elasticsearch and OpenSearch reference, "Bulk API". Which errors are a document's own is
/// known by their type; one that is not known blames the settings, so that nothing is given up for
/// a far side that refuses everything.
[[nodiscard]] Result<BulkAnswer> judge_bulk(std::string_view body, std::size_t count);

}  // namespace penstock::sinks

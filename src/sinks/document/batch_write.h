#pragma once

#include "penstock/result.h"
#include "sinks/series/write_answer.h"
#include "sinks/transport/http_client.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// Which items of a BatchWriteItem request an answer of status 200 names as unprocessed, by their
/// place in it. `entries` are the request's, each a write request as it stood there; the attributes
/// of the key tell them apart (`sort_key` may be empty: there is none).
/// Errors: malformed, when the answer names an item that was not sent.
/// Source: Amazon DynamoDB API reference, 2012-08-10, "BatchWriteItem".
[[nodiscard]] Result<std::vector<std::size_t>> unprocessed(
    std::string_view body,
    const std::string& table,
    const std::string& partition_key,
    const std::string& sort_key,
    const std::vector<std::string_view>& entries
);

/// What an answer that is no success says: a ValidationException about a value of an item blames
/// the items, any other the settings.
[[nodiscard]] WriteAnswer judge_batch_write(const HttpResponse& response, Nanoseconds wall);

}  // namespace penstock::sinks

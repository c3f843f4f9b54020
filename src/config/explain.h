#pragma once

#include "config/table.h"
#include "penstock/result.h"

#include <string>
#include <string_view>

namespace penstock::config {

/// What one key means, for a person: help, type with its unit, default, bounds, and whether a
/// change takes a restart; of a table, the keys below it. `key` is a whole path as in the reference
/// (`sinks.<name>.topic`), one with names of the reader's own (`sinks.lake.s3.bucket`,
/// `streams.meters.status[0].when`), or the end of one (`commit_window`); an end that fits several
/// keys gives the list of them. An unknown key is an error with a suggestion.
[[nodiscard]] Result<std::string> explain(const TableBase& settings, std::string_view key);

}  // namespace penstock::config

#pragma once

#include "config/table.h"

#include <cstdint>
#include <string>

namespace penstock::config {

/// What a schema is for: a file that says everything, or one that is laid over others.
enum class SchemaFor : std::uint8_t { whole_file, overlay };

/// The settings as a JSON Schema (draft 7, which editors of YAML know), from the tables. It accepts
/// every file that `read` accepts, and refuses unknown keys, wrong types, unknown words and numbers
/// out of bounds. Bounds of sizes and durations, and what checks of the tables find, it cannot say:
/// they stand in the descriptions. Values may hold `${NAME}` anywhere. For an overlay no key is
/// required.
[[nodiscard]] std::string json_schema(const TableBase& settings, SchemaFor use);

}  // namespace penstock::config

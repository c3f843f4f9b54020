#pragma once

#include "sinks/archive/parquet/column_buffer.h"
#include "sinks/archive/parquet/schema.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::parquet {

/// A row group that stands in the file; offsets of its chunks are those of the file.
struct RowGroup {
    std::size_t rows = 0;
    std::vector<Chunk> chunks;  // one a column
};

/// Texts beside the schema.
using Metadata = std::vector<std::pair<std::string, std::string>>;

/// Appends a file's last part: schema, row groups with their statistics, metadata, the size of all
/// that, `PAR1`. Source: parquet.thrift, "FileMetaData". Threads: any thread.
void append_footer(
    const std::vector<Column>& columns,
    const std::vector<RowGroup>& groups,
    const Metadata& metadata,
    std::string& file
);

}  // namespace penstock::sinks::parquet

#pragma once

#include "sinks/archive/parquet/column_buffer.h"
#include "sinks/archive/parquet/footer.h"
#include "sinks/archive/parquet/schema.h"
#include "sinks/encode/zstd_writer.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::sinks::parquet {

/// Writes one Parquet file into memory: flat columns, row groups of bounded size, zstd. A row is
/// put by adding to columns (those that got nothing are null), then end_row(). The same rows and
/// the same calls of end_row_group() give the same bytes.
///
/// Readable by everything that knows format 2.4 (byte stream split of doubles, delta encoding,
/// dictionaries, zstd). Source: Apache Parquet format 2.11, README and parquet.thrift.
/// Memory: the row group in the making, and the bytes written so far. Threads: owner.
class FileWriter {
public:
    /// A row group ends at these.
    static constexpr std::size_t kRowGroupBytes = std::size_t{8} << 20;
    static constexpr std::size_t kRowGroupRows = std::size_t{1} << 16;

    /// `metadata` stands in the footer beside the schema. Precondition: column names are UTF-8 and
    /// none comes twice.
    FileWriter(std::vector<Column> schema, Metadata metadata);

    /// Precondition: i is below the number of columns.
    [[nodiscard]] ColumnBuffer& column(std::size_t i) noexcept { return columns_[i]; }
    /// Whether that column has its value of the row at hand.
    [[nodiscard]] bool has(std::size_t i) const noexcept { return columns_[i].filled(rows_); }
    /// Precondition: each required column has a value.
    void end_row(ZstdWriter& zstd);
    /// Writes the rows that wait, if any.
    void end_row_group(ZstdWriter& zstd);

    /// Of the row group in the making, in memory.
    [[nodiscard]] std::size_t waiting_bytes() const noexcept { return waiting_bytes_; }
    /// Of the file, so far.
    [[nodiscard]] std::size_t written_bytes() const noexcept { return file_.size(); }

    /// The file. This is used up.
    [[nodiscard]] std::string finish(ZstdWriter& zstd);

private:
    std::vector<Column> schema_;
    std::vector<ColumnBuffer> columns_;
    Metadata metadata_;
    std::string file_;
    std::vector<RowGroup> groups_;
    std::size_t rows_ = 0;  // that wait
    std::size_t waiting_bytes_ = 0;
};

}  // namespace penstock::sinks::parquet

#include "sinks/archive/parquet/file_writer.h"

#include <utility>

namespace penstock::sinks::parquet {

namespace {

constexpr std::string_view kMagic = "PAR1";

}  // namespace

FileWriter::FileWriter(std::vector<Column> schema, Metadata metadata)
    : schema_(std::move(schema)), metadata_(std::move(metadata)), file_(kMagic) {
    columns_.reserve(schema_.size());
    for (const Column& column : schema_)
        columns_.emplace_back(column);
}

void FileWriter::end_row(ZstdWriter& zstd) {
    waiting_bytes_ = 0;
    for (ColumnBuffer& column : columns_) {
        if (!column.filled(rows_)) column.add_null();
        waiting_bytes_ += column.bytes();
    }
    ++rows_;
    if (rows_ >= kRowGroupRows || waiting_bytes_ >= kRowGroupBytes) end_row_group(zstd);
}

void FileWriter::end_row_group(ZstdWriter& zstd) {
    if (rows_ == 0) return;
    RowGroup group;
    group.rows = rows_;
    group.chunks.reserve(columns_.size());
    for (ColumnBuffer& column : columns_)
        group.chunks.push_back(column.write(zstd, file_));
    groups_.push_back(std::move(group));
    rows_ = 0;
    waiting_bytes_ = 0;
}

std::string FileWriter::finish(ZstdWriter& zstd) {
    end_row_group(zstd);
    append_footer(schema_, groups_, metadata_, file_);
    return std::move(file_);
}

}  // namespace penstock::sinks::parquet

#include "sinks/archive/parquet/footer.h"

#include "sinks/archive/parquet/thrift_writer.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

namespace penstock::sinks::parquet {

namespace {

constexpr std::int32_t kVersion = 2;
constexpr std::int32_t kZstd = 6;
constexpr std::int32_t kRequired = 0;
constexpr std::int32_t kOptional = 1;
/// Part of the bytes of each file: it changes with what this writer writes, not with the program.
constexpr std::string_view kCreatedBy = "penstock version 1 (build 0)";

std::int64_t signed_of(std::size_t number) noexcept {
    return static_cast<std::int64_t>(number);
}

/// The older name of a meaning. Source: LogicalTypes.md, "Backward compatibility".
std::optional<std::int32_t> converted_type(Meaning meaning) noexcept {
    switch (meaning) {
        case Meaning::text:
            return 0;
        case Meaning::timestamp:
            return 10;
        case Meaning::json:
            return 19;
        case Meaning::none:
            break;
    }
    return std::nullopt;
}

void append_logical_type(Meaning meaning, ThriftWriter& out) {
    if (meaning == Meaning::none) return;
    out.begin(10);
    if (meaning == Meaning::timestamp) {
        out.begin(8);
        out.boolean(1, true);  // adjusted to UTC
        out.begin(2);          // the unit
        out.begin(2);          // microseconds
        out.end();
        out.end();
        out.end();
    } else {
        out.begin(meaning == Meaning::text ? 1 : 12);
        out.end();
    }
    out.end();
}

void append_schema(const std::vector<Column>& columns, ThriftWriter& out) {
    out.structs(2, columns.size() + 1);
    out.begin_element();
    out.binary(4, "schema");
    out.i32(5, static_cast<std::int32_t>(columns.size()));
    out.end();
    for (const Column& column : columns) {
        out.begin_element();
        out.i32(1, static_cast<std::int32_t>(column.type));
        out.i32(3, column.optional ? kOptional : kRequired);
        out.binary(4, column.name);
        if (const auto older = converted_type(column.meaning)) out.i32(6, *older);
        append_logical_type(column.meaning, out);
        out.end();
    }
}

void append_statistics(const Statistics& statistics, ThriftWriter& out) {
    out.begin(12);
    out.i64(3, statistics.nulls());
    const auto least = statistics.least();
    const auto most = statistics.most();
    if (least && most) {
        out.binary(5, *most);
        out.binary(6, *least);
        out.boolean(7, true);
        out.boolean(8, true);
    }
    out.end();
}

std::vector<std::int32_t> encodings_of(const Column& column, const Chunk& chunk) {
    std::vector<std::int32_t> all{static_cast<std::int32_t>(chunk.encoding)};
    if (column.optional) all.push_back(static_cast<std::int32_t>(Encoding::rle));
    if (chunk.encoding == Encoding::rle_dictionary)
        all.push_back(static_cast<std::int32_t>(Encoding::plain));
    return all;
}

std::size_t begin_of(const Chunk& chunk) noexcept {
    return chunk.encoding == Encoding::rle_dictionary ? chunk.dictionary_at : chunk.data_at;
}

void append_chunk(const Column& column, const Chunk& chunk, ThriftWriter& out) {
    out.begin_element();
    out.i64(2, signed_of(begin_of(chunk)));
    out.begin(3);
    out.i32(1, static_cast<std::int32_t>(column.type));
    out.numbers(2, encodings_of(column, chunk));
    out.texts(3, {column.name});
    out.i32(4, kZstd);
    out.i64(5, chunk.values);
    out.i64(6, chunk.bytes);
    out.i64(7, chunk.compressed_bytes);
    out.i64(9, signed_of(chunk.data_at));
    if (chunk.encoding == Encoding::rle_dictionary) out.i64(11, signed_of(chunk.dictionary_at));
    append_statistics(chunk.statistics, out);
    out.end();
    out.end();
}

void append_group(
    const std::vector<Column>& columns,
    const RowGroup& group,
    std::size_t ordinal,
    ThriftWriter& out
) {
    std::int64_t bytes = 0;
    std::int64_t compressed = 0;
    for (const Chunk& chunk : group.chunks) {
        bytes += chunk.bytes;
        compressed += chunk.compressed_bytes;
    }
    out.begin_element();
    out.structs(1, group.chunks.size());
    for (std::size_t i = 0; i < group.chunks.size(); ++i)
        append_chunk(columns[i], group.chunks[i], out);
    out.i64(2, bytes);
    out.i64(3, signed_of(group.rows));
    out.i64(5, signed_of(begin_of(group.chunks.front())));
    out.i64(6, compressed);
    // Optional, and 16 bits wide: only encrypted files need it.
    if (ordinal <= INT16_MAX) out.i16(7, static_cast<std::int16_t>(ordinal));
    out.end();
}

void append_metadata(const Metadata& metadata, ThriftWriter& out) {
    if (metadata.empty()) return;
    out.structs(5, metadata.size());
    for (const auto& [key, value] : metadata) {
        out.begin_element();
        out.binary(1, key);
        out.binary(2, value);
        out.end();
    }
}

/// Each column is ordered as its type says: without this, readers ignore the bounds.
void append_column_orders(std::size_t columns, ThriftWriter& out) {
    out.structs(7, columns);
    for (std::size_t i = 0; i < columns; ++i) {
        out.begin_element();
        out.begin(1);
        out.end();
        out.end();
    }
}

}  // namespace

void append_footer(
    const std::vector<Column>& columns,
    const std::vector<RowGroup>& groups,
    const Metadata& metadata,
    std::string& file
) {
    const std::size_t from = file.size();
    std::size_t rows = 0;
    for (const RowGroup& group : groups)
        rows += group.rows;
    ThriftWriter out(file);
    out.i32(1, kVersion);
    append_schema(columns, out);
    out.i64(3, signed_of(rows));
    out.structs(4, groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i)
        append_group(columns, groups[i], i, out);
    append_metadata(metadata, out);
    out.binary(6, kCreatedBy);
    append_column_orders(columns.size(), out);
    out.end();
    const auto size = static_cast<std::uint32_t>(file.size() - from);
    std::array<char, sizeof size> raw{};
    std::memcpy(raw.data(), &size, raw.size());
    file.append(raw.data(), raw.size());
    file += "PAR1";
}

}  // namespace penstock::sinks::parquet

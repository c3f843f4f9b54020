#pragma once

#include <cstdint>
#include <string>

namespace penstock::sinks::parquet {

/// How a column's values are stored. Values are those of parquet.thrift: never change them.
enum class Type : std::uint8_t { boolean = 0, int64 = 2, float64 = 5, byte_array = 6 };

/// What they mean to a reader. Source: Apache Parquet format 2.11, LogicalTypes.md.
enum class Meaning : std::uint8_t {
    none,
    text,       // UTF-8
    json,       // UTF-8 that is a JSON value
    timestamp,  // microseconds since 1970-01-01T00:00:00Z, UTC
};

/// A column at the top of the schema. Threads: immutable.
struct Column {
    std::string name;
    Type type = Type::byte_array;
    Meaning meaning = Meaning::none;
    bool optional = true;  // may be null

    friend bool operator==(const Column&, const Column&) = default;
};

}  // namespace penstock::sinks::parquet

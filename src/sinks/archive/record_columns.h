#pragma once

#include "sinks/archive/parquet/schema.h"
#include "sinks/declared_fields.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock::sinks {

/// What Penstock says of each record: the first columns of every table, in this order.
enum class OwnColumn : std::uint8_t {
    journal,
    lsn,
    stream,
    device,
    client,
    topic,
    source,
    sequence,
    event_time,
    event_time_replaced,
    received_at,
    status,
    score,
    score_field,
    expected,
    deviation,
    retain,
    duplicate,
    quarantined,
    reason,
    rest,     // JSON: the fields that fit no column
    payload,  // the bytes of a payload that has no fields
};
constexpr std::size_t kOwnColumns = static_cast<std::size_t>(OwnColumn::payload) + 1;

/// A table has at most so many columns of declared fields; later ones go into `rest`.
constexpr std::size_t kFieldColumnsMax = 1000;

/// The declared fields that get a column, in their order: at most kFieldColumnsMax, none whose name
/// is one of ours, is no UTF-8, or comes twice.
[[nodiscard]] std::vector<DeclaredField> column_fields(const std::vector<DeclaredField>& declared);

/// Our columns, and those of these fields behind them: a number is a double, an integer 64 bits, a
/// string text, a boolean a boolean, all others JSON.
[[nodiscard]] std::vector<parquet::Column> table_schema(const std::vector<DeclaredField>& fields);

}  // namespace penstock::sinks

#pragma once

#include "sinks/declared_fields.h"
#include "sinks/sql/postgres_config.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The statements that concern a table, and which column stands for what.
/// Threads: any.
namespace penstock::sinks {

/// The column of the whole record, as the device sent it.
inline constexpr std::string_view kPayloadColumn = "payload";

/// The attribute (`_penstock.lsn`) that fills a column because of what it is called (`lsn`).
[[nodiscard]] std::optional<std::string_view> attribute_of(std::string_view column);
/// The SQL type of an attribute.
[[nodiscard]] std::string type_of_attribute(std::string_view name);
/// The column that a field is written to: its own name, or the one of `rename`.
[[nodiscard]] std::string column_of(std::string_view field, const PostgresConfig& config);

/// A name as it stands in a statement: quoted, whatever is in it.
[[nodiscard]] std::string quoted_name(std::string_view name);
/// `schema.name` or `name`, each part quoted.
[[nodiscard]] std::string quoted_table(std::string_view table);
/// A text as it stands in a statement (standard_conforming_strings).
[[nodiscard]] std::string quoted_text(std::string_view text);

/// The statement whose rows PostgresTable::of() reads: one a column.
[[nodiscard]] std::string describe_sql(std::string_view table);

/// The statements that make a table: what identifies a record, its attributes, its payload, and a
/// column for each field. Unique in (journal, lsn); a hypertable by event time is unique in
/// (journal, lsn, event_time), because its unique indexes must hold the time.
[[nodiscard]] std::string create_sql(
    std::string_view table,
    const PostgresConfig& config,
    const std::vector<DeclaredField>& fields,
    bool hypertable
);

}  // namespace penstock::sinks

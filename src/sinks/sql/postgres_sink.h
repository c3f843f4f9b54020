#pragma once

#include "penstock/sink.h"
#include "sinks/registry.h"
#include "sinks/sql/postgres_config.h"

#include <memory>

namespace penstock::sinks {

/// `type: postgres`: rows of tables of PostgreSQL or TimescaleDB (postgres_table.h).
///
/// - A batch is one transaction: COPY into a temporary table, INSERT ... ON CONFLICT (journal, lsn)
/// DO NOTHING from there. What was sent before and is sent again changes nothing.
/// - Confirmed is what the server has committed; synchronous_commit is turned on where it is off.
/// - A row that the server refuses (a value out of range, a broken constraint) takes its
/// transaction along; the batch is sent again in parts until the row is alone, and refused. A value
/// that does not fit the type of its column is found before it is sent.
/// - A table or column that is missing, or an index that could not tell duplicates, is
/// `configuration`; too many connections, a full disk are `throttled`.
[[nodiscard]] SinkKind postgres_kind();

[[nodiscard]] Result<std::unique_ptr<Sink>> make_postgres_sink(
    const PostgresConfig& config, const SinkContext& context
);

/// Bound on the tables that one sink writes to (names from a template): beyond, `configuration`.
constexpr std::size_t kPostgresTablesMax = 256;

}  // namespace penstock::sinks

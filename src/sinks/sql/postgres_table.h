#pragma once

#include "penstock/ids.h"
#include "penstock/record.h"
#include "penstock/result.h"
#include "sinks/attribute.h"
#include "sinks/sql/postgres_config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// What is written to one table, and how a record becomes a row of COPY (binary). The table's own
/// columns decide: `journal` and `lsn` must be there, with a unique index over them (or over them
/// and `event_time`); `device`, `client`, `stream`, `topic`, `source`, `sequence`, `event_time`,
/// `received_at`, `status`, `score`, `reason` and `payload` are filled where they are; every other
/// column takes the field of its name, unless it has a default and is not asked for.
///
/// Rows go to a temporary table first, and from there, in order, to the table, past those that it
/// has already. Columns of types that are not known here are sent as text, and cast.
/// Source: PostgreSQL 15, "COPY", section "Binary Format".
/// Threads: owner.
class PostgresTable {
public:
    /// Out of the rows of describe_sql(). Errors: not_found (no such table), invalid_argument (a
    /// sentence that says what its columns or indexes lack).
    [[nodiscard]] static Result<PostgresTable> of(
        const std::string& name,
        const std::vector<std::vector<std::string>>& rows,
        const PostgresConfig& config,
        const JournalId& journal,
        std::size_t number
    );

    /// Makes the temporary table, which each transaction leaves empty.
    [[nodiscard]] std::string stage_sql() const;
    /// Copies, then inserts. One COPY FROM STDIN.
    [[nodiscard]] std::string write_sql() const;

    /// Appends a row. Errors: malformed, with the column whose type a value does not fit; what was
    /// appended is then to be dropped.
    [[nodiscard]] Status append_row(Lsn lsn, const RecordView& record, std::string& out);

private:
    /// How a column's values look in COPY.
    enum class Form : std::uint8_t {
        boolean,
        int2,
        int4,
        int8,
        float4,
        float8,
        text,
        json,
        jsonb,
        bytea,
        time,  // with or without a zone: UTC
        uuid,
        cast,  // text, cast to `type` on its way into the table
    };
    enum class What : std::uint8_t { journal, lsn, event_time, received_at, score, payload, name };
    struct Column {
        std::string name;
        std::string type;  // as SQL has it
        Form form = Form::text;
        What what = What::name;
        RecordName source;
        bool field = false;      // of the device or derived, not an attribute
        std::uint16_t hint = 0;  // where the field stood last
    };

    explicit PostgresTable(const JournalId& journal) : journal_(journal), id_(journal.text()) {}
    [[nodiscard]] Status add(const std::vector<std::string>& row, const PostgresConfig& config);
    [[nodiscard]] bool append_value(
        Column& column, Lsn lsn, const RecordView& record, std::string& out
    );
    [[nodiscard]] bool append_attribute(
        Column& column, Lsn lsn, const RecordView& record, std::string& out
    );
    [[nodiscard]] static std::optional<Field> find(Column& column, const RecordView& record);
    [[nodiscard]] static bool is_number(Form form);
    [[nodiscard]] static bool takes(std::string_view attribute, Form form);
    [[nodiscard]] bool append_field(Column& column, const Field& field, std::string& out);
    [[nodiscard]] static Form form_of(std::string_view oid, bool attribute);
    [[nodiscard]] static std::string_view stage_type(Form form);

    JournalId journal_;
    std::string id_;  // the journal's, as text
    std::string name_;
    std::string stage_;
    std::string target_;  // columns of the unique index
    std::vector<Column> columns_;
    std::string scratch_;
};

}  // namespace penstock::sinks

#include "sinks/sql/postgres_table.h"

#include "base/iso_time.h"
#include "sinks/sql/postgres_copy.h"
#include "sinks/sql/postgres_sql.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace penstock::sinks {
namespace {

constexpr char kJsonbVersion = 1;

}  // namespace

PostgresTable::Form PostgresTable::form_of(std::string_view oid, bool attribute) {
    static constexpr std::array<std::pair<std::string_view, Form>, 14> kForms{{
        {"16", Form::boolean},
        {"17", Form::bytea},
        {"20", Form::int8},
        {"21", Form::int2},
        {"23", Form::int4},
        {"25", Form::text},
        {"114", Form::json},
        {"700", Form::float4},
        {"701", Form::float8},
        {"1042", Form::text},
        {"1043", Form::text},
        {"1114", Form::time},
        {"1184", Form::time},
        {"3802", Form::jsonb},
    }};
    if (attribute && oid == "2950") return Form::uuid;
    for (const auto& [known, form] : kForms) {
        if (known == oid) return form;
    }
    return Form::cast;
}

std::string_view PostgresTable::stage_type(Form form) {
    switch (form) {
        case Form::boolean:
            return "boolean";
        case Form::int2:
            return "int2";
        case Form::int4:
            return "int4";
        case Form::int8:
            return "int8";
        case Form::float4:
            return "float4";
        case Form::float8:
            return "float8";
        case Form::json:
            return "json";
        case Form::jsonb:
            return "jsonb";
        case Form::bytea:
            return "bytea";
        case Form::time:
            return "timestamptz";
        case Form::uuid:
            return "uuid";
        case Form::text:
        case Form::cast:
            break;
    }
    return "text";
}

Status PostgresTable::add(const std::vector<std::string>& row, const PostgresConfig& config) {
    const std::string& column = row[0];
    const bool has_default = row[3] == "t";
    if (row[4] == "t") return {};  // the server makes its values
    target_ = row[5];
    std::string source = column;
    if (const auto attribute = attribute_of(column)) {
        source = *attribute;
    } else if (column != kPayloadColumn) {
        for (const auto& [field, other] : config.rename) {
            if (other == column) source = field;
        }
        const auto& chosen = config.fields;
        const bool named = std::find(chosen.begin(), chosen.end(), source) != chosen.end();
        if (!named && (has_default || !chosen.empty())) return {};
    }
    auto name = RecordName::parse(source);
    if (!name) return {};  // a column called as no attribute is
    Column made{column, row[2], Form::text, What::name, *std::move(name)};
    made.field = !source.starts_with("_penstock") && column != kPayloadColumn;
    made.form = form_of(row[1], column == "journal");
    const bool time = made.form == Form::time;
    if (column == "journal") made.what = What::journal;
    if (column == "lsn" && made.form == Form::int8) made.what = What::lsn;
    if (source == "_penstock.eventTime" && time) made.what = What::event_time;
    if (source == "_penstock.receivedAt" && time) made.what = What::received_at;
    if (source == "_penstock.score" && made.form == Form::float8) made.what = What::score;
    if (column == kPayloadColumn) made.what = What::payload;
    if (!made.field && !takes(source, made.form)) {
        return Error{
            Errc::invalid_argument, "column " + quoted_name(column) + " cannot be " + made.type
        };
    }
    columns_.push_back(std::move(made));
    return {};
}

bool PostgresTable::is_number(Form form) {
    return form == Form::int2 || form == Form::int4 || form == Form::int8 || form == Form::float4 ||
           form == Form::float8;
}

/// Whether a column of that form can hold what Penstock itself says of every record.
bool PostgresTable::takes(std::string_view attribute, Form form) {
    const bool text =
        form == Form::text || form == Form::cast || form == Form::json || form == Form::jsonb;
    if (text) return true;
    if (attribute == "_penstock.journal") return form == Form::uuid;
    if (attribute == kPayloadColumn) return form == Form::bytea;
    const std::string type = type_of_attribute(attribute);
    if (type == "timestamptz") return form == Form::time;
    if (type == "bigint") return form == Form::int8;
    return type == "double precision" && form == Form::float8;
}

Result<PostgresTable> PostgresTable::of(
    const std::string& name,
    const std::vector<std::vector<std::string>>& rows,
    const PostgresConfig& config,
    const JournalId& journal,
    std::size_t number
) {
    if (rows.empty()) return Error{Errc::not_found, "there is no table " + quoted_table(name)};
    PostgresTable table(journal);
    table.name_ = quoted_table(name);
    table.stage_ = "pg_temp.penstock_stage_" + std::to_string(number);
    for (const auto& row : rows)
        PS_CHECK(table.add(row, config));
    const auto has = [&table](std::string_view column) {
        return std::any_of(table.columns_.begin(), table.columns_.end(), [&](const Column& c) {
            return c.name == column;
        });
    };
    const auto lacks = [&table](std::string_view what) {
        return Error{Errc::invalid_argument, table.name_ + " has no " + std::string(what)};
    };
    for (const std::string_view column : {"journal", "lsn"}) {
        if (!has(column)) return lacks("column " + std::string(column));
    }
    if (table.target_.empty()) {
        return lacks(
            "unique index over (journal, lsn), or over (journal, lsn, event_time): "
            "duplicates could not be told"
        );
    }
    for (const std::string& field : config.fields) {
        const std::string column = column_of(field, config);
        if (!has(column)) return lacks("column " + quoted_name(column));
    }
    return table;
}

std::string PostgresTable::stage_sql() const {
    std::string sql = "CREATE TEMPORARY TABLE " + stage_ + " (";
    for (const Column& column : columns_) {
        if (&column != columns_.data()) sql += ", ";
        sql += quoted_name(column.name) + ' ';
        sql += stage_type(column.form);
    }
    return sql + ") ON COMMIT DELETE ROWS";
}

std::string PostgresTable::write_sql() const {
    std::string names;
    std::string values;
    for (const Column& column : columns_) {
        const std::string name = quoted_name(column.name);
        names += (names.empty() ? "" : ", ") + name;
        values += (values.empty() ? "" : ", ") + name;
        if (column.form == Form::cast) values += "::" + column.type;
        if (column.form == Form::time && column.type.find("without") != std::string::npos)
            values += " AT TIME ZONE 'UTC'";
    }
    return "COPY " + stage_ + " (" + names + ") FROM STDIN (FORMAT binary); INSERT INTO " + name_ +
           " (" + names + ") SELECT " + values + " FROM " + stage_ + " ON CONFLICT (" + target_ +
           ") DO NOTHING";
}

bool PostgresTable::append_field(Column& column, const Field& field, std::string& out) {
    const auto text = [&]() -> std::string_view {
        if (field.type != FieldType::string || !field.escaped) return field.text;
        scratch_.clear();
        append_unescaped(field, scratch_);
        return scratch_;
    };
    switch (column.form) {
        case Form::boolean:
            if (field.type != FieldType::boolean) return false;
            copy::append_bool(field.text == "true", out);
            return true;
        case Form::int2:
            return copy::append_whole(field, 2, out);
        case Form::int4:
            return copy::append_whole(field, 4, out);
        case Form::int8:
            return copy::append_whole(field, 8, out);
        case Form::float4:
            return copy::append_real(field, 4, out);
        case Form::float8:
            return copy::append_real(field, 8, out);
        case Form::time: {
            const auto time = parse_iso_time(text());
            if (time) copy::append_time(*time, out);
            return time.has_value();
        }
        case Form::json:
        case Form::jsonb:
        case Form::text:
        case Form::bytea:
        case Form::cast:
        case Form::uuid:
            break;
    }
    copy::append_bytes(text(), out);
    return true;
}

bool PostgresTable::append_value(
    Column& column, Lsn lsn, const RecordView& record, std::string& out
) {
    switch (column.what) {
        case What::lsn:
            copy::append_int8(static_cast<std::int64_t>(lsn.value), out);
            return true;
        case What::event_time:
            copy::append_time(record.event_time(), out);
            return true;
        case What::received_at:
            copy::append_time(record.arrival_time(), out);
            return true;
        case What::score:
            if (const auto score = record.score()) {
                copy::append_float8(score->value, out);
            } else {
                copy::append_null(out);
            }
            return true;
        case What::payload:
            scratch_.assign(column.form == Form::jsonb ? 1 : 0, kJsonbVersion);
            scratch_ += record.payload();
            copy::append_bytes(scratch_, out);
            return true;
        case What::journal:
            if (column.form == Form::uuid) {
                scratch_.assign(journal_.bytes.begin(), journal_.bytes.end());
                copy::append_bytes(scratch_, out);
                return true;
            }
            break;
        case What::name:
            break;
    }
    const auto field = column.field ? find(column, record) : std::nullopt;
    if (field && field->type == FieldType::null) {
        copy::append_null(out);
        return true;
    }
    if (column.form == Form::json || column.form == Form::jsonb) {
        scratch_.assign(column.form == Form::jsonb ? 1 : 0, kJsonbVersion);
        const bool there = column.source.append_json(id_, lsn, record, scratch_);
        there ? copy::append_bytes(scratch_, out) : copy::append_null(out);
        return true;
    }
    return field ? append_field(column, *field, out) : append_attribute(column, lsn, record, out);
}

/// The field of a column: records of one stream mostly have it at the same place.
std::optional<Field> PostgresTable::find(Column& column, const RecordView& record) {
    const FieldTable fields = record.fields();
    const std::string& name = column.source.text();
    if (column.hint < fields.size()) {
        if (Field field = fields[column.hint]; field.name == name) return field;
    }
    for (std::uint16_t i = 0; i < fields.size(); ++i) {
        Field field = fields[i];
        if (field.name != name) continue;
        column.hint = i;
        return field;
    }
    return std::nullopt;
}

bool PostgresTable::append_attribute(
    Column& column, Lsn lsn, const RecordView& record, std::string& out
) {
    std::string value;
    if (!column.source.append_text(id_, lsn, record, value)) {
        copy::append_null(out);
        return true;
    }
    const FieldType type = is_number(column.form) ? FieldType::number : FieldType::string;
    return append_field(column, Field{.name = {}, .text = value, .type = type}, out);
}

Status PostgresTable::append_row(Lsn lsn, const RecordView& record, std::string& out) {
    copy::append_count(columns_.size(), out);
    for (Column& column : columns_) {
        if (append_value(column, lsn, record, out)) continue;
        return Error{
            Errc::malformed,
            "the value for column " + quoted_name(column.name) + " is no " + column.type
        };
    }
    return {};
}

}  // namespace penstock::sinks

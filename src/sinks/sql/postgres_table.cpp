#include "sinks/sql/postgres_table.h"

#include "base/iso_time.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace penstock::sinks {
namespace {

constexpr Nanoseconds kEpoch = 946'684'800 * kSecond;  // 2000-01-01
constexpr std::int32_t kNull = -1;
constexpr char kJsonbVersion = 1;

/// Columns that are filled by what they are called, and the attribute that fills them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kAttributes{{
    {"journal", "_penstock.journal"},
    {"lsn", "_penstock.lsn"},
    {"device", "_penstock.device"},
    {"client", "_penstock.client"},
    {"stream", "_penstock.stream"},
    {"topic", "_penstock.topic"},
    {"source", "_penstock.source"},
    {"sequence", "_penstock.sequence"},
    {"event_time", "_penstock.eventTime"},
    {"received_at", "_penstock.receivedAt"},
    {"status", "_penstock.status"},
    {"score", "_penstock.score"},
    {"reason", "_penstock.reason"},
}};
constexpr std::string_view kPayload = "payload";

std::optional<std::string_view> attribute_of(std::string_view column) {
    for (const auto& [name, attribute] : kAttributes) {
        if (name == column) return attribute;
    }
    return std::nullopt;
}

bool is_fixed(std::string_view column) {
    return column == kPayload || attribute_of(column).has_value();
}

template <class Integer>
void append_big_endian(Integer value, std::string& out) {
    auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
    for (std::size_t i = sizeof(Integer); i-- > 0;)
        out += static_cast<char>(static_cast<unsigned char>(bits >> (8 * i)));
}

void append_sized(std::string_view bytes, std::string& out) {
    append_big_endian(static_cast<std::int32_t>(bytes.size()), out);
    out += bytes;
}

template <class Integer>
void append_number(Integer value, std::string& out) {
    append_big_endian(static_cast<std::int32_t>(sizeof(Integer)), out);
    append_big_endian(value, out);
}

/// Whole microseconds since 2000, rounded down.
void append_time(Nanoseconds time, std::string& out) {
    const Nanoseconds since = time - kEpoch;
    const std::int64_t rest = since % kMicrosecond;
    append_number((since - (rest < 0 ? rest + kMicrosecond : rest)) / kMicrosecond, out);
}

/// A JSON number that is whole, as `80`, `80.0`, `8e1`.
std::optional<std::int64_t> whole(const Field& field) {
    if (const auto exact = text::parse_int(field.text)) return exact;
    const auto value = field.number();
    constexpr double kExact = 9'007'199'254'740'992.0;  // 2^53
    if (!value || std::trunc(*value) != *value || std::abs(*value) > kExact) return std::nullopt;
    return static_cast<std::int64_t>(*value);
}

template <class Integer>
bool append_whole(const Field& field, std::string& out) {
    const bool number = field.type == FieldType::integer || field.type == FieldType::number;
    const auto value = number ? whole(field) : std::nullopt;
    if (!value || *value < std::numeric_limits<Integer>::min() ||
        *value > std::numeric_limits<Integer>::max()) {
        return false;
    }
    append_number(static_cast<Integer>(*value), out);
    return true;
}

void append_double(double value, std::string& out) {
    append_number(std::bit_cast<std::int64_t>(value), out);
}

bool append_real(const Field& field, bool narrow, std::string& out) {
    const auto value = field.number();
    if (!value || !std::isfinite(*value)) return false;
    if (!narrow) {
        append_double(*value, out);
        return true;
    }
    if (std::abs(*value) > static_cast<double>(std::numeric_limits<float>::max())) return false;
    append_number(std::bit_cast<std::int32_t>(static_cast<float>(*value)), out);
    return true;
}

std::string_view sql_type(FieldType type) {
    switch (type) {
        case FieldType::boolean:
            return "boolean";
        case FieldType::integer:
            return "bigint";
        case FieldType::number:
            return "double precision";
        case FieldType::string:
            return "text";
        case FieldType::null:
        case FieldType::json:
            break;
    }
    return "jsonb";
}

std::string type_of_attribute(std::string_view name) {
    if (name == "_penstock.lsn" || name == "_penstock.sequence") return "bigint";
    if (name == "_penstock.score" || name == "score") return "double precision";
    if (name.ends_with("eventTime") || name.ends_with("receivedAt")) return "timestamptz";
    return "text";
}

std::string column_of(std::string_view field, const PostgresConfig& config) {
    const std::string* const other = config.rename.find(field);
    return other == nullptr ? std::string(field) : *other;
}

}  // namespace

std::string quoted_name(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + '"';
}

std::string quoted_text(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') out += '\'';
        out += c;
    }
    return out + '\'';
}

std::string quoted_table(std::string_view table) {
    const std::size_t dot = table.find('.');
    if (dot == std::string_view::npos) return quoted_name(table);
    return quoted_name(table.substr(0, dot)) + '.' + quoted_name(table.substr(dot + 1));
}

std::string describe_sql(std::string_view table) {
    // The columns of a unique index over journal and lsn alone, or with event_time.
    static constexpr std::string_view kTarget =
        "(SELECT string_agg(quote_ident(b.attname), ', ' ORDER BY b.attname) FROM pg_index i "
        "CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, place) "
        "JOIN pg_attribute b ON b.attrelid = i.indrelid AND b.attnum = k.attnum "
        "WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL "
        "AND i.indexprs IS NULL AND k.place <= i.indnkeyatts GROUP BY i.indexrelid "
        "HAVING array_agg(b.attname::text ORDER BY b.attname) IN "
        "(ARRAY['journal', 'lsn'], ARRAY['event_time', 'journal', 'lsn']) LIMIT 1)";
    return "SELECT a.attname, a.atttypid, format_type(a.atttypid, a.atttypmod), a.atthasdef, "
           "a.attgenerated <> '' OR a.attidentity = 'a', " +
           std::string(kTarget) + " FROM pg_attribute a WHERE a.attrelid = to_regclass(" +
           quoted_text(quoted_table(table)) +
           ") AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
}

std::string create_sql(
    std::string_view table,
    const PostgresConfig& config,
    const std::vector<DeclaredField>& fields,
    bool hypertable
) {
    std::string sql = "CREATE TABLE IF NOT EXISTS " + quoted_table(table) +
                      " (journal uuid NOT NULL, lsn bigint NOT NULL, device text NOT NULL, "
                      "stream text, event_time timestamptz NOT NULL, received_at timestamptz, "
                      "status text, score double precision, payload jsonb";
    const auto add = [&](std::string_view field, std::string_view type) {
        const std::string column = column_of(field, config);
        if (is_fixed(column)) return;
        const std::string* const wanted = config.types.find(column);
        sql += ", " + quoted_name(column) + ' ';
        sql += wanted == nullptr ? type : std::string_view(*wanted);
    };
    if (config.fields.empty()) {
        for (const DeclaredField& field : fields)
            add(field.name, sql_type(field.type));
    }
    for (const std::string& name : config.fields) {
        const auto known = std::find_if(fields.begin(), fields.end(), [&](const DeclaredField& f) {
            return f.name == name;
        });
        const bool ours = name.starts_with("_penstock") || name == "score";
        add(name,
            ours                    ? type_of_attribute(name)
            : known != fields.end() ? std::string(sql_type(known->type))
                                    : "jsonb");
    }
    sql += ", PRIMARY KEY (journal, lsn";
    sql += hypertable ? ", event_time))" : "))";
    if (hypertable) {
        sql += "; SELECT create_hypertable(" + quoted_text(quoted_table(table)) +
               ", 'event_time', if_not_exists => true)";
    }
    return sql + "; CREATE INDEX ON " + quoted_table(table) + " (device, event_time)";
}

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
    } else if (column != kPayload) {
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
    made.field = !source.starts_with("_penstock") && column != kPayload;
    made.form = form_of(row[1], column == "journal");
    const bool time = made.form == Form::time;
    if (column == "journal") made.what = What::journal;
    if (column == "lsn" && made.form == Form::int8) made.what = What::lsn;
    if (source == "_penstock.eventTime" && time) made.what = What::event_time;
    if (source == "_penstock.receivedAt" && time) made.what = What::received_at;
    if (source == "_penstock.score" && made.form == Form::float8) made.what = What::score;
    if (column == kPayload) made.what = What::payload;
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
    if (attribute == kPayload) return form == Form::bytea;
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
            append_big_endian(std::int32_t{1}, out);
            out += field.text == "true" ? '\1' : '\0';
            return true;
        case Form::int2:
            return append_whole<std::int16_t>(field, out);
        case Form::int4:
            return append_whole<std::int32_t>(field, out);
        case Form::int8:
            return append_whole<std::int64_t>(field, out);
        case Form::float4:
        case Form::float8:
            return append_real(field, column.form == Form::float4, out);
        case Form::time: {
            const auto time = parse_iso_time(text());
            if (time) append_time(*time, out);
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
    append_sized(text(), out);
    return true;
}

bool PostgresTable::append_value(
    Column& column, Lsn lsn, const RecordView& record, std::string& out
) {
    switch (column.what) {
        case What::lsn:
            append_number(static_cast<std::int64_t>(lsn.value), out);
            return true;
        case What::event_time:
            append_time(record.event_time(), out);
            return true;
        case What::received_at:
            append_time(record.arrival_time(), out);
            return true;
        case What::score:
            if (const auto score = record.score()) {
                append_double(score->value, out);
            } else {
                append_big_endian(kNull, out);
            }
            return true;
        case What::payload:
            scratch_.assign(column.form == Form::jsonb ? 1 : 0, kJsonbVersion);
            scratch_ += record.payload();
            append_sized(scratch_, out);
            return true;
        case What::journal:
            if (column.form == Form::uuid) {
                append_big_endian(std::int32_t{16}, out);
                for (const std::uint8_t byte : journal_.bytes)
                    out += static_cast<char>(byte);
                return true;
            }
            break;
        case What::name:
            break;
    }
    const auto field = column.field ? find(column, record) : std::nullopt;
    if (field && field->type == FieldType::null) {
        append_big_endian(kNull, out);
        return true;
    }
    if (column.form == Form::json || column.form == Form::jsonb) {
        scratch_.assign(column.form == Form::jsonb ? 1 : 0, kJsonbVersion);
        const bool there = column.source.append_json(id_, lsn, record, scratch_);
        there ? append_sized(scratch_, out) : append_big_endian(kNull, out);
        return true;
    }
    return field ? append_field(column, *field, out) : append_attribute(column, lsn, record, out);
}

/// The field of a column: records of one stream mostly have it at the same place.
std::optional<Field> PostgresTable::find(Column& column, const RecordView& record) {
    const std::uint16_t count = record.field_count();
    const std::string& name = column.source.text();
    if (column.hint < count) {
        if (Field field = record.field(column.hint); field.name == name) return field;
    }
    for (std::uint16_t i = 0; i < count; ++i) {
        Field field = record.field(i);
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
        append_big_endian(kNull, out);
        return true;
    }
    const FieldType type = is_number(column.form) ? FieldType::number : FieldType::string;
    return append_field(column, Field{.name = {}, .text = value, .type = type}, out);
}

Status PostgresTable::append_row(Lsn lsn, const RecordView& record, std::string& out) {
    append_big_endian(static_cast<std::int16_t>(columns_.size()), out);
    for (Column& column : columns_) {
        if (append_value(column, lsn, record, out)) continue;
        return Error{
            Errc::malformed,
            "the value for column " + quoted_name(column.name) + " is no " + column.type
        };
    }
    return {};
}

std::string_view PostgresTable::copy_header() {
    static constexpr char kHeader[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
    return {kHeader, sizeof kHeader};
}

std::string_view PostgresTable::copy_trailer() {
    return "\377\377";
}

}  // namespace penstock::sinks

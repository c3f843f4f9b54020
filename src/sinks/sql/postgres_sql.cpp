#include "sinks/sql/postgres_sql.h"

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::sinks {
namespace {

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

bool is_fixed(std::string_view column) {
    return column == kPayloadColumn || attribute_of(column).has_value();
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

}  // namespace

std::optional<std::string_view> attribute_of(std::string_view column) {
    for (const auto& [name, attribute] : kAttributes) {
        if (name == column) return attribute;
    }
    return std::nullopt;
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

}  // namespace penstock::sinks

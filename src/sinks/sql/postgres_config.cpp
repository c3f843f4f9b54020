#include "sinks/sql/postgres_config.h"

#include "sinks/encode/output.h"
#include "sinks/transport/host_port.h"

#include <algorithm>

namespace penstock::sinks {

const NameRules& postgres_table_rules() {
    // 128: two names of 63 bytes, and the dot.
    static constexpr NameRules kRules{
        .escape = NameRules::Escape::underscore,
        .literal_prefix = true,
        .device_text = false,
        .size_max = 127,
        .forbidden = "\""
    };
    return kRules;
}

}  // namespace penstock::sinks

namespace penstock::config {

using sinks::PostgresConfig;
using sinks::PostgresServerConfig;

Table<PostgresServerConfig> Fields<PostgresServerConfig>::table() {
    using C = PostgresServerConfig;
    using std::chrono::milliseconds;
    using std::chrono::minutes;
    return {
        field(
            "server",
            &C::server,
            "Server: host:port; 5432 without a port.",
            required,
            satisfies<std::string>(
                "host:port",
                [](const std::string& text) {
                    return sinks::HostPort::parse(text, 5432).has_value();
                }
            )
        ),
        field("database", &C::database, "Database.", required, not_empty),
        field("user", &C::user, "User.", required, not_empty),
        field("password", &C::password, "Password of the user."),
        field("use_tls", &C::use_tls, "Encrypt, and check the server's certificate and name."),
        field("tls", &C::tls, "Certificates."),
        field(
            "connect_timeout",
            &C::connect_timeout,
            "Longest wait for a connection.",
            between<Duration>(milliseconds(100), minutes(5))
        ),
        field(
            "reply_timeout",
            &C::reply_timeout,
            "The server ends a statement that takes longer; connect anew when it is silent longer.",
            between<Duration>(milliseconds(100), minutes(60))
        ),
    };
}

void Fields<PostgresServerConfig>::check(
    const PostgresServerConfig& c, const Origin& where, Problems& problems
) {
    sinks::check_use_tls(c.use_tls, c.tls, where, problems);
}

Table<PostgresConfig> Fields<PostgresConfig>::table() {
    using C = PostgresConfig;
    return {
        keys_of(&C::connection),
        field(
            "table",
            &C::table,
            "Table, with its schema where that is not the user's own (metrics.telemetry); may hold "
            "{stream} and {status} behind a literal beginning."
        ),
        field(
            "create_table",
            &C::create_table,
            "Make a table that is missing, with a column for each field that the stream declares; "
            "a hypertable where the TimescaleDB extension is installed."
        ),
        field(
            "fields",
            &C::fields,
            "Only these fields: fields of the payload, derived ones, _penstock.client and its "
            "like. Each must have a column. Empty: every field that has one.",
            max_items(1024)
        ),
        field(
            "rename",
            &C::rename,
            "Columns whose names are not those of their fields: field name to column.",
            max_items(1024)
        ),
        field(
            "types",
            &C::types,
            "Types of columns in a table that is made, where the stream declares none or another "
            "one: column to SQL type.",
            max_items(1024)
        ),
        field(
            "record_max",
            &C::record_max,
            "Largest row; larger ones go to quarantine.",
            between(1_KiB, 256_MiB)
        ),
        field(
            "batch_records",
            &C::batch_records,
            "A transaction begins with this many records.",
            between(1U, 100'000U)
        ),
        field("batch_size", &C::batch_size, "Or at about this size.", between(1_KiB, 64_MiB)),
        field(
            "batch_age",
            &C::batch_age,
            "Or when its first record has waited this long.",
            between<Duration>(Duration(0), std::chrono::hours(1))
        ),
    };
}

void Fields<PostgresConfig>::check(
    const PostgresConfig& c, const Origin& where, Problems& problems
) {
    const auto table = sinks::NameTemplate::parse(c.table, sinks::postgres_table_rules());
    if (!table.ok()) problems.error(where.at("table"), "'table' " + table.error().message);
    if (std::count(c.table.begin(), c.table.end(), '.') > 1) {
        problems.error(where.at("table"), "'table' must be a name, or schema.name");
    }
    sinks::OutputConfig names{sinks::OutputForm::flat, c.fields, c.rename};
    Fields<sinks::OutputConfig>::check(names, where, problems);
    for (const auto& [column, type] : c.types) {
        const bool plain = !type.empty() && std::all_of(type.begin(), type.end(), [](char ch) {
            return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                   (ch >= '0' && ch <= '9') ||
                   std::string_view(" _(),[].").find(ch) != std::string_view::npos;
        });
        if (!plain) {
            problems.error(where.at("types." + column), "must be an SQL type");
        }
    }
}

}  // namespace penstock::config

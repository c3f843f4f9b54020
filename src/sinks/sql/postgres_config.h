#pragma once

#include "config/field.h"
#include "sinks/config.h"
#include "sinks/name_template.h"
#include "sinks/transport/http_client.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::sinks {

/// How a PostgreSQL server is reached.
struct PostgresServerConfig {
    std::string server;
    std::string database;
    std::string user;
    Secret password;
    bool use_tls = false;
    TlsConfig tls;
    Duration connect_timeout = std::chrono::seconds(10);
    Duration reply_timeout = std::chrono::seconds(60);
};

/// Settings of the PostgreSQL sink.
struct PostgresConfig : SinkConfig {
    PostgresServerConfig connection;
    std::string table = "telemetry";
    bool create_table = false;
    std::vector<std::string> fields;
    config::OrderedMap<std::string> rename;
    config::OrderedMap<std::string> types;
    ByteCount record_max = 1_MiB;
    std::uint32_t batch_records = 1000;
    ByteCount batch_size = 1_MiB;
    Duration batch_age = std::chrono::milliseconds(100);
};

[[nodiscard]] const NameRules& postgres_table_rules();

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::PostgresServerConfig> {
    static Table<sinks::PostgresServerConfig> table();
    static void check(const sinks::PostgresServerConfig&, const Origin&, Problems&);
};
template <>
struct penstock::config::Fields<penstock::sinks::PostgresConfig> {
    static Table<sinks::PostgresConfig> table();
    static void check(const sinks::PostgresConfig&, const Origin&, Problems&);
};

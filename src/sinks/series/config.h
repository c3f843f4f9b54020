#pragma once

#include "sinks/config.h"
#include "sinks/encode/line_protocol.h"
#include "sinks/transport/http_client.h"

#include <string>
#include <vector>

namespace penstock::sinks {

/// When a batch is sent: as soon as one of these is reached.
struct LineBatchConfig {
    std::uint32_t records = 5000;
    ByteCount bytes = 1_MiB;  // before gzip
    Duration age = std::chrono::seconds(1);
};

/// Settings of the line protocol sink.
struct LineProtocolConfig : SinkConfig {
    std::string endpoint;
    std::string database;     // InfluxDB 1
    std::string org;          // InfluxDB 2
    std::string bucket;       // InfluxDB 2
    std::string measurement;  // empty: the stream's name
    std::vector<std::string> tags{"deviceId", "status"};
    std::vector<std::string> fields;
    config::OrderedMap<std::string> rename;
    bool integers = false;
    bool tie_break = false;
    TimePrecision precision = TimePrecision::nanoseconds;
    LineBatchConfig batch;
    bool gzip = false;
    std::string user;
    Secret password;
    Secret token;
    Secret bearer_token;
    std::string settle = "auto";
    HttpConfig http;
};

/// How long VictoriaMetrics may need to put on disk what it has confirmed.
constexpr Nanoseconds kVictoriaSettle = 15 * kSecond;

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::LineBatchConfig> {
    static Table<sinks::LineBatchConfig> table();
};

template <>
struct penstock::config::Fields<penstock::sinks::LineProtocolConfig> {
    static Table<sinks::LineProtocolConfig> table();
    static void check(const sinks::LineProtocolConfig&, const Origin&, Problems&);
};

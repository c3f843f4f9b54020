#pragma once

#include "config/field.h"
#include "sinks/config.h"
#include "sinks/encode/output.h"
#include "sinks/name_template.h"
#include "sinks/transport/http_client.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::sinks {

constexpr std::uint16_t kRedisPort = 6379;

/// How a Redis server is reached.
struct RedisServerConfig {
    std::string server;
    std::uint32_t database = 0;
    std::string user;
    Secret password;
    bool use_tls = false;
    TlsConfig tls;
    Duration connect_timeout = std::chrono::seconds(5);
    Duration reply_timeout = std::chrono::seconds(10);
};

/// How records are written, whatever they become there.
struct RedisWriteConfig {
    RedisServerConfig connection;
    ByteCount record_max{1'000'000};
    std::uint32_t batch_records = 500;
    ByteCount batch_size = 1_MiB;
    /// With appendfsync everysec a write may wait for a slow fsync for 2 s after its answer.
    Duration settle = std::chrono::seconds(3);
};

/// Settings of the Redis Streams sink.
struct RedisStreamConfig : SinkConfig {
    RedisWriteConfig write;
    std::string key = "telemetry:{stream}";
    std::uint64_t max_length = 1'000'000;
    OutputConfig output;
};

/// Settings of the sink that keeps each device's latest record.
struct RedisLatestConfig : SinkConfig {
    RedisWriteConfig write;
    std::string key = "device:{device}";
    std::vector<std::string> fields;
    config::OrderedMap<std::string> rename;
    Duration expire = std::chrono::hours(24 * 30);
};

[[nodiscard]] const NameRules& redis_key_rules();

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::RedisServerConfig> {
    static Table<sinks::RedisServerConfig> table();
    static void check(const sinks::RedisServerConfig&, const Origin&, Problems&);
};
template <>
struct penstock::config::Fields<penstock::sinks::RedisWriteConfig> {
    static Table<sinks::RedisWriteConfig> table();
};
template <>
struct penstock::config::Fields<penstock::sinks::RedisLatestConfig> {
    static Table<sinks::RedisLatestConfig> table();
    static void check(const sinks::RedisLatestConfig&, const Origin&, Problems&);
};
template <>
struct penstock::config::Fields<penstock::sinks::RedisStreamConfig> {
    static Table<sinks::RedisStreamConfig> table();
    static void check(const sinks::RedisStreamConfig&, const Origin&, Problems&);
};

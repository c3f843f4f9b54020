#pragma once

#include "config/field.h"
#include "sinks/config.h"
#include "sinks/encode/output.h"
#include "sinks/name_template.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

enum class KafkaProtocol : std::uint8_t { plaintext, tls, sasl_plaintext, sasl_tls };
enum class KafkaCompression : std::uint8_t { none, gzip, snappy, lz4, zstd };

struct KafkaSaslConfig {
    std::string mechanism = "PLAIN";
    std::string user;
    Secret password;
};

struct KafkaTlsConfig {
    std::string ca;           // file; empty: the system's
    std::string certificate;  // file; empty: none
    std::string key;          // file
    Secret key_password;
    bool verify_host = true;
};

struct KafkaSecurityConfig {
    KafkaProtocol protocol = KafkaProtocol::plaintext;
    KafkaSaslConfig sasl;
    KafkaTlsConfig tls;
};

/// The table of `type: kafka`. Delivery settings that the sink's promises stand on (acks,
/// idempotence, time-outs) are no settings, and are refused among `options`.
struct KafkaConfig : SinkConfig {
    std::vector<std::string> brokers;
    /// Literal, or with `{stream}` behind a literal beginning. Device text never gets here (R7).
    std::string topic;
    /// A template; empty: none, records are spread over the partitions without order.
    std::string key = "{device}";
    OutputConfig output;
    KafkaCompression compression = KafkaCompression::lz4;
    Duration linger = std::chrono::milliseconds(5);
    ByteCount batch_size{1'000'000};
    std::uint32_t batch_records = 10'000;
    /// Of one record with key and headers. Larger ones are refused records. Keep it at the broker's
    /// limit or below.
    ByteCount record_max{1'000'000};
    /// Not confirmed yet. Bounds what is sent again after a failure, and memory.
    std::uint32_t max_in_flight = 100'000;
    ByteCount max_in_flight_size = 12_MiB;
    KafkaSecurityConfig security;
    config::OrderedMap<std::string> options;
};

/// Templates of a topic's name and of a key.
[[nodiscard]] const NameRules& kafka_topic_rules();
[[nodiscard]] const NameRules& kafka_key_rules();

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::KafkaSaslConfig> {
    static Table<sinks::KafkaSaslConfig> table();
};
template <>
struct penstock::config::Fields<penstock::sinks::KafkaTlsConfig> {
    static Table<sinks::KafkaTlsConfig> table();
};
template <>
struct penstock::config::Fields<penstock::sinks::KafkaSecurityConfig> {
    static Table<sinks::KafkaSecurityConfig> table();
    static void check(const sinks::KafkaSecurityConfig&, const Origin&, Problems&);
};
template <>
struct penstock::config::Fields<penstock::sinks::KafkaConfig> {
    static Table<sinks::KafkaConfig> table();
    static void check(const sinks::KafkaConfig&, const Origin&, Problems&);
};

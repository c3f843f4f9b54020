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

/// Settings of the NATS JetStream sink.
struct NatsConfig : SinkConfig {
    std::vector<std::string> servers;
    std::string stream;
    std::string subject;
    bool create_stream = false;
    std::uint32_t replicas = 1;
    bool exclusive = false;
    OutputConfig output;
    std::uint32_t max_in_flight = 4096;
    ByteCount max_in_flight_size = 16_MiB;
    Duration connect_timeout = std::chrono::seconds(5);
    Duration ack_timeout = std::chrono::seconds(10);
    std::string user;
    Secret password;
    Secret token;
    std::string credentials;
    bool use_tls = false;
    TlsConfig tls;
};

[[nodiscard]] const NameRules& nats_subject_rules();

/// The subjects that a template may give, as a stream takes them: `telemetry.*.*`.
[[nodiscard]] std::string nats_subject_filter(const std::string& pattern);

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::NatsConfig> {
    static Table<sinks::NatsConfig> table();
    static void check(const sinks::NatsConfig&, const Origin&, Problems&);
};

#pragma once

#include "base/mqtt/packet.h"
#include "config/field.h"
#include "sinks/config.h"
#include "sinks/encode/output.h"
#include "sinks/name_template.h"
#include "sinks/transport/http_client.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace penstock::sinks {

/// Settings of the MQTT sink.
struct MqttConfig : SinkConfig {
    std::string server;
    mqtt::Version version = mqtt::Version::v5;
    std::string client_id;
    std::string topic;
    bool retain = false;
    OutputConfig output;
    ByteCount record_max = 1_MiB;
    std::uint32_t max_in_flight = 1000;
    ByteCount max_in_flight_size = 16_MiB;
    Duration keep_alive = std::chrono::seconds(30);
    Duration connect_timeout = std::chrono::seconds(10);
    Duration ack_timeout = std::chrono::seconds(10);
    Duration settle = Duration(0);
    std::string user;
    Secret password;
    bool use_tls = false;
    TlsConfig tls;
};

constexpr std::uint16_t kMqttPort = 1883;
constexpr std::uint16_t kMqttTlsPort = 8883;

[[nodiscard]] const NameRules& mqtt_topic_rules();

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::MqttConfig> {
    static Table<sinks::MqttConfig> table();
    static void check(const sinks::MqttConfig&, const Origin&, Problems&);
};

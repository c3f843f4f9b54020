#include "sinks/stream/mqtt_config.h"

#include "base/mqtt/topic.h"
#include "base/utf8.h"
#include "sinks/transport/host_port.h"

namespace penstock::sinks {

const NameRules& mqtt_topic_rules() {
    // MQTT 5 sections 4.7.1 and 4.7.3: no wildcards in a topic name, 65,535 bytes at most.
    static constexpr NameRules kRules{NameRules::Escape::percent, true, true, 1024, "+#"};
    return kRules;
}

}  // namespace penstock::sinks

namespace penstock::config {

using sinks::MqttConfig;

namespace {

constexpr std::size_t kClientIdMax = 256;

/// Why this is no topic, or "".
std::string topic_problem(const std::string& topic) {
    const sinks::NameRules& rules = sinks::mqtt_topic_rules();
    const auto made = sinks::NameTemplate::parse(topic, rules);
    if (!made.ok()) return made.error().message;
    const auto levels = static_cast<std::uint32_t>(rules.size_max);
    const auto fault = mqtt::check_topic_name(topic, levels, levels);
    return fault == mqtt::TopicFault::none ? "" : "must be text that MQTT takes as a topic";
}

}  // namespace

Table<MqttConfig> Fields<MqttConfig>::table() {
    using C = MqttConfig;
    using std::chrono::milliseconds;
    using std::chrono::minutes;
    using std::chrono::seconds;
    return {
        field(
            "server",
            &C::server,
            "Broker: host:port; without a port 1883, with use_tls 8883.",
            required,
            satisfies<std::string>(
                "host:port",
                [](const std::string& text) {
                    return sinks::HostPort::parse(text, sinks::kMqttPort).has_value();
                }
            )
        ),
        field(
            "version",
            &C::version,
            "Version of the protocol. A broker of 3.1.1 cannot say why it does not take a message.",
            one_of<mqtt::Version>({{"5", mqtt::Version::v5}, {"3.1.1", mqtt::Version::v311}})
        ),
        field(
            "client_id",
            &C::client_id,
            "Client id, which nobody else may use; not set: one is made up at each start.",
            satisfies<std::string>(
                "at most 256 bytes of text",
                [](const std::string& text) {
                    return text.size() <= kClientIdMax &&
                           text::classify_utf8(text) == text::Text::clean;
                }
            )
        ),
        field(
            "topic",
            &C::topic,
            "Topic; may hold {device}, {client}, {stream}, {status} and {topic} behind a literal "
            "beginning, as in site7/{stream}/{device}. Each stays within its level.",
            required
        ),
        field("retain", &C::retain, "The broker keeps the last message of each topic."),
        keys_of(&C::output),
        field(
            "record_max",
            &C::record_max,
            "Largest packet for one record; larger ones go to quarantine. With MQTT 5 also what "
            "the broker says, with 3.1.1 at most what it takes.",
            between(1_KiB, 255_MiB)
        ),
        field(
            "max_in_flight",
            &C::max_in_flight,
            "Messages taken and not yet confirmed. On the wire are at most as many as the "
            "broker's Receive Maximum.",
            between(1U, 65'000U)
        ),
        field(
            "max_in_flight_size",
            &C::max_in_flight_size,
            "Bytes taken and not yet confirmed.",
            between(64_KiB, 1_GiB)
        ),
        field(
            "keep_alive",
            &C::keep_alive,
            "A connection that has sent nothing for this long is tried with PINGREQ; the broker "
            "may ask for less.",
            between<Duration>(seconds(1), seconds(65'535))
        ),
        field(
            "connect_timeout",
            &C::connect_timeout,
            "Longest wait for a connection.",
            between<Duration>(milliseconds(100), minutes(5))
        ),
        field(
            "ack_timeout",
            &C::ack_timeout,
            "Connect anew when the broker answers nothing for this long.",
            between<Duration>(milliseconds(100), minutes(10))
        ),
        field(
            "settle",
            &C::settle,
            "How long a confirmation must stand before it counts, for a broker that keeps "
            "messages for others and writes them to disk later.",
            between<Duration>(Duration(0), std::chrono::hours(1))
        ),
        field("user", &C::user, "User name."),
        field("password", &C::password, "Password of the user, or a token."),
        field("use_tls", &C::use_tls, "Encrypt, and check the broker's certificate and name."),
        field("tls", &C::tls, "Certificates."),
    };
}

void Fields<MqttConfig>::check(const MqttConfig& c, const Origin& where, Problems& problems) {
    if (const std::string why = topic_problem(c.topic); !why.empty()) {
        problems.error(where.at("topic"), "'topic' " + why);
    }
    if (c.version != mqtt::Version::v5 && c.user.empty() && !c.password.empty()) {
        problems.error(where.at("password"), "a password without a user needs version 5");
    }
    sinks::check_use_tls(c.use_tls, c.tls, where, problems);
    if (!c.use_tls && !c.password.empty()) {
        problems.warn(where.at("password"), "the password goes over the network unprotected");
    }
}

}  // namespace penstock::config

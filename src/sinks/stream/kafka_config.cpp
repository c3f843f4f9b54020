#include "sinks/stream/kafka_config.h"

#include "sinks/stream/kafka_settings.h"

#include <utility>

namespace penstock::sinks {
namespace {

constexpr std::size_t kTopicMax = 249;  // Kafka: org.apache.kafka.common.internals.Topic
constexpr std::size_t kKeyMax = std::size_t{256} * 1024;

/// Why this is no pattern of a topic, or "".
std::string topic_problem(std::string_view pattern) {
    if (pattern == "." || pattern == "..") return "must not be '.' or '..'";
    const auto made = NameTemplate::parse(pattern, kafka_topic_rules());
    return made.ok() ? "" : made.error().message;
}

}  // namespace

const NameRules& kafka_topic_rules() {
    static constexpr NameRules kRules{
        NameRules::Escape::underscore, true, false, kTopicMax, " !\"#$%&'()*+,/:;<=>?@[\\]^`|~"
    };
    return kRules;
}

const NameRules& kafka_key_rules() {
    static constexpr NameRules kRules{NameRules::Escape::none, false, true, kKeyMax, {}};
    return kRules;
}

}  // namespace penstock::sinks

namespace penstock::config {

using sinks::KafkaCompression;
using sinks::KafkaConfig;
using sinks::KafkaProtocol;
using sinks::KafkaSaslConfig;
using sinks::KafkaSecurityConfig;
using sinks::KafkaTlsConfig;

Table<KafkaSaslConfig> Fields<KafkaSaslConfig>::table() {
    return {
        field(
            "mechanism",
            &KafkaSaslConfig::mechanism,
            "How to log in. SCRAM against Kafka 4 needs librdkafka 2.6.1 or newer.",
            among({"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"})
        ),
        field("user", &KafkaSaslConfig::user, "User name."),
        field("password", &KafkaSaslConfig::password, "Password."),
    };
}

Table<KafkaTlsConfig> Fields<KafkaTlsConfig>::table() {
    return {
        field("ca", &KafkaTlsConfig::ca, "File of certificates to trust; empty: the system's."),
        field(
            "certificate", &KafkaTlsConfig::certificate, "File of our certificate with its chain."
        ),
        field("key", &KafkaTlsConfig::key, "File of its private key."),
        field("key_password", &KafkaTlsConfig::key_password, "Password of the key file."),
        field(
            "verify_host",
            &KafkaTlsConfig::verify_host,
            "Check that the broker's certificate names the broker."
        ),
    };
}

Table<KafkaSecurityConfig> Fields<KafkaSecurityConfig>::table() {
    return {
        field(
            "protocol",
            &KafkaSecurityConfig::protocol,
            "How connections are protected and who logs in.",
            one_of<KafkaProtocol>(
                {{"plaintext", KafkaProtocol::plaintext},
                 {"tls", KafkaProtocol::tls},
                 {"sasl_plaintext", KafkaProtocol::sasl_plaintext},
                 {"sasl_tls", KafkaProtocol::sasl_tls}}
            )
        ),
        field("sasl", &KafkaSecurityConfig::sasl, "User and password."),
        field("tls", &KafkaSecurityConfig::tls, "Certificates."),
    };
}

void Fields<KafkaSecurityConfig>::check(
    const KafkaSecurityConfig& c, const Origin& where, Problems& problems
) {
    const bool sasl =
        c.protocol == KafkaProtocol::sasl_plaintext || c.protocol == KafkaProtocol::sasl_tls;
    const bool tls = c.protocol == KafkaProtocol::tls || c.protocol == KafkaProtocol::sasl_tls;
    if (sasl && (c.sasl.user.empty() || c.sasl.password.empty())) {
        problems.error(where.at("sasl"), "this protocol needs 'sasl.user' and 'sasl.password'");
    }
    if (!sasl && !c.sasl.user.empty()) {
        problems.error(where.at("sasl"), "'sasl' needs 'protocol: sasl_tls' or 'sasl_plaintext'");
    }
    if (!tls && !(c.tls.ca.empty() && c.tls.certificate.empty())) {
        problems.error(where.at("tls"), "'tls' needs 'protocol: tls' or 'sasl_tls'");
    }
    if (c.tls.certificate.empty() != c.tls.key.empty()) {
        problems.error(where.at("tls"), "'certificate' and 'key' need each other");
    }
    if (c.protocol == KafkaProtocol::sasl_plaintext) {
        problems.warn(where.at("protocol"), "the password goes over the network unprotected");
    }
}

Table<KafkaConfig> Fields<KafkaConfig>::table() {
    return {
        field(
            "brokers",
            &KafkaConfig::brokers,
            "Where to ask for the cluster: host:port.",
            required,
            not_empty,
            max_items(64)
        ),
        field(
            "topic",
            &KafkaConfig::topic,
            "Topic; may hold {stream} and {status} behind a literal beginning, as in "
            "telemetry.{stream}.",
            required
        ),
        field(
            "key",
            &KafkaConfig::key,
            "Key of a message, which decides its partition: may hold {device}, {client}, {stream}, "
            "{status}, {topic}. Empty: no key; records are spread over the partitions, and a "
            "device's records are in no order."
        ),
        keys_of(&KafkaConfig::output),
        field(
            "compression",
            &KafkaConfig::compression,
            "Compression of batches.",
            one_of<KafkaCompression>(
                {{"none", KafkaCompression::none},
                 {"gzip", KafkaCompression::gzip},
                 {"snappy", KafkaCompression::snappy},
                 {"lz4", KafkaCompression::lz4},
                 {"zstd", KafkaCompression::zstd}}
            )
        ),
        field(
            "linger",
            &KafkaConfig::linger,
            "How long a batch waits for more records.",
            between<Duration>(Duration(0), std::chrono::seconds(60))
        ),
        field(
            "batch_size",
            &KafkaConfig::batch_size,
            "A batch is sent at this size.",
            between(1_KiB, ByteCount{1'000'000'000})
        ),
        field(
            "batch_records",
            &KafkaConfig::batch_records,
            "A batch is sent with this many records.",
            between<std::uint32_t>(1, 1'000'000)
        ),
        field(
            "record_max",
            &KafkaConfig::record_max,
            "Largest record with key and headers; larger ones go to quarantine. At most what the "
            "broker takes.",
            between(1_KiB, ByteCount{1'000'000'000})
        ),
        field(
            "max_in_flight",
            &KafkaConfig::max_in_flight,
            "Records sent and not yet confirmed.",
            between<std::uint32_t>(1, 10'000'000)
        ),
        field(
            "max_in_flight_size",
            &KafkaConfig::max_in_flight_size,
            "Bytes sent and not yet confirmed.",
            between(64_KiB, 2_GiB)
        ),
        field("security", &KafkaConfig::security, "Encryption and login."),
        field(
            "options",
            &KafkaConfig::options,
            "Further settings of librdkafka, by their names there.",
            max_items(100)
        ),
    };
}

void Fields<KafkaConfig>::check(const KafkaConfig& c, const Origin& where, Problems& problems) {
    if (const std::string why = sinks::topic_problem(c.topic); !why.empty()) {
        problems.error(where.at("topic"), "'topic' " + why);
    }
    const auto key_made = sinks::NameTemplate::parse(c.key, sinks::kafka_key_rules());
    if (!c.key.empty() && !key_made.ok()) {
        problems.error(where.at("key"), "'key' " + key_made.error().message);
    }
    for (std::size_t i = 0; i < c.brokers.size(); ++i) {
        const std::string& broker = c.brokers[i];
        if (broker.empty() || broker.find_first_of(", \t/") != std::string::npos) {
            problems.error(where.at("brokers[" + std::to_string(i) + "]"), "must be host:port");
        }
    }
    for (const auto& [key, value] : c.options) {
        const std::string why = sinks::kafka_option_problem(key, value);
        if (!why.empty()) problems.error(where.at("options." + key), why);
    }
}

}  // namespace penstock::config

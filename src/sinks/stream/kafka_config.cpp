#include "sinks/stream/kafka_config.h"

#include "sinks/stream/kafka_settings.h"

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::sinks {
namespace {

constexpr std::string_view kStream = "{stream}";
constexpr std::size_t kTopicMax = 249;  // Kafka: org.apache.kafka.common.internals.Topic

bool topic_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

/// Why this is no pattern of a topic, or "".
std::string topic_problem(std::string_view pattern) {
    std::string literal(pattern);
    if (const auto at = literal.find(kStream); at != std::string::npos) {
        if (at == 0) return "must begin with a literal text before {stream}";
        literal.replace(at, kStream.size(), "s");
    }
    if (literal.empty()) return "must not be empty";
    if (literal == "." || literal == "..") return "must not be '.' or '..'";
    if (literal.size() > kTopicMax) return "must have at most 249 characters";
    if (!std::all_of(literal.begin(), literal.end(), topic_char)) {
        return "must be made of letters, digits, '.', '_', '-' and at most one {stream}";
    }
    return {};
}

}  // namespace

std::string kafka_topic(std::string_view pattern, std::string_view stream) {
    std::string topic(pattern);
    const auto at = topic.find(kStream);
    if (at == std::string::npos) return topic;
    std::string safe(stream);
    std::replace_if(safe.begin(), safe.end(), [](char c) { return !topic_char(c); }, '_');
    topic.replace(at, kStream.size(), safe);
    if (topic.size() > kTopicMax) topic.resize(kTopicMax);
    return topic;
}

}  // namespace penstock::sinks

namespace penstock::config {

using sinks::KafkaCompression;
using sinks::KafkaConfig;
using sinks::KafkaFormat;
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
            "Topic; may hold {stream} behind a literal beginning, as in telemetry.{stream}.",
            required
        ),
        field(
            "format",
            &KafkaConfig::format,
            "Value of a record: the device's members with status, score and origin (enriched), or "
            "the bytes as received "
            "(raw).",
            one_of<KafkaFormat>({{"enriched", KafkaFormat::enriched}, {"raw", KafkaFormat::raw}})
        ),
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

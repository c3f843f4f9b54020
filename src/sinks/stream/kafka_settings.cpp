#include "sinks/stream/kafka_settings.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

namespace penstock::sinks {
namespace {

constexpr int kScramFixed = 0x02060100;
constexpr Duration kHandOver = std::chrono::milliseconds(1);  // of a burst to the library

/// What the sink's promises stand on, and what it sets from its own keys.
constexpr auto kReserved = std::to_array<std::string_view>({
    "acks",
    "request.required.acks",
    "enable.idempotence",
    "enable.gapless.guarantee",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "message.send.max.retries",
    "retries",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "transactional.id",
    "queuing.strategy",
    "delivery.report.only.error",
    "enabled_events",
    "log.queue",
    "bootstrap.servers",
    "metadata.broker.list",
    "message.max.bytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.ms",
    "linger.ms",
    "batch.size",
    "batch.num.messages",
    "compression.codec",
    "compression.type",
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.password",
});

/// Writes settings until the first that the library refuses.
class Writer {
public:
    Writer() : conf_(rd_kafka_conf_new()) {}

    void set(const std::string& key, const std::string& value) {
        if (!why_.empty()) return;
        std::array<char, 512> text{};
        const auto outcome =
            rd_kafka_conf_set(conf_.get(), key.c_str(), value.c_str(), text.data(), text.size());
        if (outcome != RD_KAFKA_CONF_OK) why_ = text.data();
    }
    void set(const std::string& key, std::uint64_t value) { set(key, std::to_string(value)); }
    void set_if(const std::string& key, const std::string& value) {
        if (!value.empty()) set(key, value);
    }
    /// The library copies the text; ours is wiped.
    void set_secret(const std::string& key, const Secret& secret) {
        if (secret.empty()) return;
        std::string text(secret.reveal());
        set(key, text);
        wipe(text);
    }

    [[nodiscard]] Result<KafkaConf> finish() {
        if (!why_.empty()) return Error{Errc::invalid_argument, why_};
        return std::move(conf_);
    }
    [[nodiscard]] const std::string& why() const noexcept { return why_; }

private:
    KafkaConf conf_;
    std::string why_;
};

const char* text(KafkaProtocol protocol) {
    switch (protocol) {
        case KafkaProtocol::plaintext:
            return "plaintext";
        case KafkaProtocol::tls:
            return "ssl";
        case KafkaProtocol::sasl_plaintext:
            return "sasl_plaintext";
        case KafkaProtocol::sasl_tls:
            return "sasl_ssl";
    }
    return "plaintext";
}

const char* text(KafkaCompression compression) {
    switch (compression) {
        case KafkaCompression::none:
            return "none";
        case KafkaCompression::gzip:
            return "gzip";
        case KafkaCompression::snappy:
            return "snappy";
        case KafkaCompression::lz4:
            return "lz4";
        case KafkaCompression::zstd:
            return "zstd";
    }
    return "none";
}

void add_security(Writer& out, const KafkaSecurityConfig& security) {
    out.set("security.protocol", text(security.protocol));
    const bool sasl = security.protocol == KafkaProtocol::sasl_plaintext ||
                      security.protocol == KafkaProtocol::sasl_tls;
    if (sasl) {
        out.set("sasl.mechanisms", security.sasl.mechanism);
        out.set_if("sasl.username", security.sasl.user);
        out.set_secret("sasl.password", security.sasl.password);
    }
    const KafkaTlsConfig& tls = security.tls;
    out.set_if("ssl.ca.location", tls.ca);
    out.set_if("ssl.certificate.location", tls.certificate);
    out.set_if("ssl.key.location", tls.key);
    out.set_secret("ssl.key.password", tls.key_password);
    if (!tls.verify_host) out.set("ssl.endpoint.identification.algorithm", "none");
}

void add_promises(Writer& out, KafkaPace pace) {
    out.set("acks", "all");
    out.set("enable.idempotence", "true");
    // A failed batch stops the producer at once: were a later one sent under a new epoch, the
    // failed one would come after it when it is sent again, and readers that drop what is not above
    // a device's highest LSN would miss it.
    out.set("enable.gapless.guarantee", pace == KafkaPace::batches ? "true" : "false");
    out.set("message.timeout.ms", "0");
    out.set("log.queue", "true");
}

void add_batches(Writer& out, const KafkaConfig& config, KafkaPace pace) {
    const bool batches = pace == KafkaPace::batches;
    out.set("max.in.flight", batches ? "5" : "1");
    out.set("batch.num.messages", batches ? config.batch_records : 1);
    // The sink gathers a burst itself: the library only waits until all of it is there.
    const auto linger = std::min<Duration>(config.linger, kHandOver);
    out.set("linger.ms", batches ? std::to_string(double(linger.count()) / 1e6) : "0");
    // The library counts a batch's own head as well, and caps a batch at the largest record.
    out.set("message.max.bytes", config.record_max.value);
    out.set("batch.size", std::min(config.batch_size.value, config.record_max.value));
    out.set("compression.codec", text(config.compression));
    out.set("queue.buffering.max.messages", std::uint64_t{config.max_in_flight} + 1);
    out.set("queue.buffering.max.kbytes", config.max_in_flight_size.value / 1024 * 2 + 1024);
}

}  // namespace

void KafkaConfDelete::operator()(rd_kafka_conf_s* conf) const noexcept {
    rd_kafka_conf_destroy(conf);
}

Result<KafkaConf> kafka_settings(const KafkaConfig& config, KafkaPace pace) {
    Writer out;
    std::string brokers;
    for (const std::string& broker : config.brokers)
        brokers += (brokers.empty() ? "" : ",") + broker;
    out.set("bootstrap.servers", brokers);
    out.set("client.id", "penstock");
    out.set("log_level", "4");
    out.set("partitioner", "murmur2_random");
    out.set("reconnect.backoff.ms", "100");
    out.set("reconnect.backoff.max.ms", "5000");
    out.set("topic.metadata.refresh.fast.interval.ms", "250");
    add_batches(out, config, pace);
    add_security(out, config.security);
    for (const auto& [key, value] : config.options)
        out.set(key, value);
    add_promises(out, pace);
    return out.finish();
}

std::string kafka_option_problem(const std::string& key, const std::string& value) {
    if (std::find(kReserved.begin(), kReserved.end(), key) != kReserved.end()) {
        return "'" + key + "' is not for you to set: the sink's own keys and promises decide it";
    }
    Writer out;
    out.set(key, value);
    return out.why();
}

bool kafka_scram_is_old() noexcept {
    return rd_kafka_version() < kScramFixed;
}

}  // namespace penstock::sinks

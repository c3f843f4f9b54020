#pragma once

#include "penstock/result.h"
#include "sinks/stream/kafka_config.h"

#include <memory>
#include <string>

struct rd_kafka_conf_s;

namespace penstock::sinks {

struct KafkaConfDelete {
    void operator()(rd_kafka_conf_s* conf) const noexcept;
};
/// The library's own form of settings.
using KafkaConf = std::unique_ptr<rd_kafka_conf_s, KafkaConfDelete>;

/// How a producer sends.
enum class KafkaPace : std::uint8_t {
    batches,
    one_by_one,  // one record at a time, to find out which of a batch the broker refuses
};

/// Settings of a producer that loses and reorders nothing: acks=all, idempotent, no time-out of its
/// own (a record that waits is not lost when the broker is away for an hour), five requests in
/// flight, the same partitioning as other clients. Errors: invalid_argument (a setting that the
/// library refuses, in its words).
[[nodiscard]] Result<KafkaConf> kafka_settings(const KafkaConfig& config, KafkaPace pace);

/// Why an entry of `options` cannot be taken, or "": unknown to the library, a bad value, or one of
/// those that the promises of the sink stand on.
[[nodiscard]] std::string kafka_option_problem(const std::string& key, const std::string& value);

/// True when this library cannot log in to Kafka 4 with SCRAM (it is older than 2.6.1).
[[nodiscard]] bool kafka_scram_is_old() noexcept;

}  // namespace penstock::sinks

#pragma once

#include "penstock/sink.h"
#include "sinks/registry.h"
#include "sinks/stream/kafka_config.h"

#include <memory>

namespace penstock::sinks {

/// `type: kafka`: publishes records to Kafka and brokers that speak its protocol, keyed by device,
/// so that a device's records stay in one partition and in order.
///
/// - Idempotent, acks=all, no time-out: a record waits for its broker as long as it takes, within
/// `max_in_flight`.
/// - Confirmed is what the broker's delivery reports confirm, as a contiguous prefix. Any failed
/// report, and any fatal
///   error of the library, is a failure: the producer is thrown away and a new one begins behind
///   what is confirmed.
/// - A record that is larger than `record_max` is refused at once. Where the broker blames a record
/// but fails its whole
///   batch (too large, invalid), the batch is sent again one record at a time, and only those are
///   refused that fail alone.
/// - Value: the enriched JSON of RecordJson, or the bytes as received. Headers: penstock.journal,
/// penstock.lsn (together
///   the record's id: readers drop what they have seen), penstock.stream, penstock.status. The
///   timestamp is that of arrival: brokers delete by it, and refuse those far from their own clock.
/// - A broker that is away, or refuses the login, is reported as trouble; the library tries on by
/// itself.
[[nodiscard]] SinkKind kafka_kind();

[[nodiscard]] Result<std::unique_ptr<Sink>> make_kafka_sink(
    const KafkaConfig& config, const SinkContext& context
);

}  // namespace penstock::sinks

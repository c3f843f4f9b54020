#pragma once

#include "penstock/sink.h"
#include "sinks/registry.h"
#include "sinks/stream/mqtt_config.h"

#include <memory>

namespace penstock::sinks {

/// `type: mqtt`: publishes records to a broker, with QoS 1, in MQTT 5 or 3.1.1.
///
/// - Confirmed is what the broker has sent a PUBACK for, as a contiguous prefix. Sessions are
/// clean: what has no PUBACK is published again, not kept by the broker.
/// - Order: with MQTT 5 a broker may refuse one message in passing and take those behind it, so one
/// message of each device is under way at a time; messages of other devices go past those that
/// wait. MQTT 3.1.1 knows no refusal: all go out at once, and order is that of the connection.
/// - On the wire are at most Receive Maximum messages. A packet larger than the broker's Maximum
/// Packet Size or `record_max` is refused here, one of PUBACK 0x90, 0x95 or 0x99 by the broker.
/// - PUBACK 0x97 is `throttled`, 0x87 `credentials`; a broker with Maximum QoS 0 `configuration`.
[[nodiscard]] SinkKind mqtt_kind();

[[nodiscard]] Result<std::unique_ptr<Sink>> make_mqtt_sink(
    const MqttConfig& config, const SinkContext& context
);

}  // namespace penstock::sinks

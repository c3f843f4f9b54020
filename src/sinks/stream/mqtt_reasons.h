#pragma once

#include "base/mqtt/reason.h"
#include "penstock/sink.h"

#include <string_view>

namespace penstock::sinks {

/// What a broker's refusal of a connection, or its end by DISCONNECT, means to a runner.
[[nodiscard]] SinkFailure mqtt_connection_failure(mqtt::Reason reason, std::string_view text);

/// What a PUBACK with a reason means.
enum class MqttVerdict : std::uint8_t {
    taken,
    refused,  // this record, for good
    failed,   // see mqtt_publish_failure()
};
[[nodiscard]] MqttVerdict mqtt_verdict(mqtt::Reason reason) noexcept;
[[nodiscard]] SinkFailure mqtt_publish_failure(mqtt::Reason reason, std::string_view text);

/// `not_authorized: no right to publish there`; what the broker says is escaped.
[[nodiscard]] std::string mqtt_words(mqtt::Reason reason, std::string_view text);

}  // namespace penstock::sinks

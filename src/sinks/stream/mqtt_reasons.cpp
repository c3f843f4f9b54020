#include "sinks/stream/mqtt_reasons.h"

#include "base/text.h"

#include <string>
#include <utility>

namespace penstock::sinks {

using mqtt::Reason;

namespace {

constexpr std::size_t kTextMax = 200;

SinkFailure failure(FailureClass kind, std::string message, bool lost_contact = false) {
    return {kind, std::move(message), {}, lost_contact};
}

}  // namespace

std::string mqtt_words(Reason reason, std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto code = static_cast<unsigned>(reason);
    std::string words(name(reason));
    words += " (0x";
    words += kDigits[code >> 4];
    words += kDigits[code & 0x0F];
    words += ')';
    if (text.empty()) return words;
    words += ": ";
    text::append_log_string(words, text, kTextMax);
    return words;
}

SinkFailure mqtt_connection_failure(Reason reason, std::string_view text) {
    const std::string words = mqtt_words(reason, text);
    switch (reason) {
        case Reason::bad_credentials:
        case Reason::not_authorized:
        case Reason::banned:
        case Reason::bad_authentication_method:
            return failure(FailureClass::credentials, "the broker refuses us: " + words);
        case Reason::unsupported_version:
            return failure(
                FailureClass::configuration,
                "the broker does not speak this version of MQTT: " + words + "; see 'version'"
            );
        case Reason::session_taken_over:
            return failure(
                FailureClass::configuration, "another client has connected with our client id"
            );
        case Reason::client_id_not_valid:
        case Reason::malformed_packet:
        case Reason::protocol_error:
        case Reason::topic_name_invalid:
        case Reason::packet_too_large:
        case Reason::retain_not_supported:
        case Reason::qos_not_supported:
        case Reason::use_another_server:
        case Reason::server_moved:
            return failure(FailureClass::configuration, "the broker refuses us: " + words);
        case Reason::quota_exceeded:
        case Reason::message_rate_too_high:
        case Reason::connection_rate_exceeded:
        case Reason::server_busy:
            return failure(FailureClass::throttled, "the broker has enough: " + words);
        default:
            return failure(
                FailureClass::transient, "the broker ends the connection: " + words, true
            );
    }
}

MqttVerdict mqtt_verdict(Reason reason) noexcept {
    switch (reason) {
        case Reason::topic_name_invalid:
        case Reason::packet_too_large:
        case Reason::payload_format_invalid:
            return MqttVerdict::refused;
        default:
            return static_cast<std::uint8_t>(reason) < 0x80 ? MqttVerdict::taken
                                                            : MqttVerdict::failed;
    }
}

SinkFailure mqtt_publish_failure(Reason reason, std::string_view text) {
    const std::string words = "a message is not taken: " + mqtt_words(reason, text);
    switch (reason) {
        case Reason::not_authorized:
            return failure(FailureClass::credentials, words);
        case Reason::quota_exceeded:
        case Reason::message_rate_too_high:
        case Reason::server_busy:
            return failure(FailureClass::throttled, words);
        case Reason::retain_not_supported:
        case Reason::qos_not_supported:
            return failure(FailureClass::configuration, words);
        default:
            return failure(FailureClass::transient, words);
    }
}

}  // namespace penstock::sinks

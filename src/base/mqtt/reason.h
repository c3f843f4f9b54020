#pragma once

#include <cstdint>
#include <string_view>

namespace penstock::mqtt {

/// Reason codes of MQTT 5 (section 2.4), as far as a server that only takes records uses them or a
/// client that only publishes meets them. MQTT 3 gets what comes nearest. What a peer sends may
/// have other values.
enum class Reason : std::uint8_t {
    success = 0x00,
    disconnect_with_will = 0x04,
    no_matching_subscribers = 0x10,
    no_subscription_existed = 0x11,
    unspecified = 0x80,
    malformed_packet = 0x81,
    protocol_error = 0x82,
    implementation_specific = 0x83,
    unsupported_version = 0x84,
    client_id_not_valid = 0x85,
    bad_credentials = 0x86,
    not_authorized = 0x87,
    server_unavailable = 0x88,
    server_busy = 0x89,
    banned = 0x8A,
    server_shutting_down = 0x8B,
    bad_authentication_method = 0x8C,
    keep_alive_timeout = 0x8D,
    session_taken_over = 0x8E,
    topic_filter_invalid = 0x8F,
    topic_name_invalid = 0x90,
    packet_id_in_use = 0x91,
    packet_id_not_found = 0x92,
    topic_alias_invalid = 0x94,
    packet_too_large = 0x95,
    message_rate_too_high = 0x96,
    quota_exceeded = 0x97,
    payload_format_invalid = 0x99,
    retain_not_supported = 0x9A,
    qos_not_supported = 0x9B,
    use_another_server = 0x9C,
    server_moved = 0x9D,
    connection_rate_exceeded = 0x9F,
};

/// Lower-case name, for logs and metric labels.
[[nodiscard]] constexpr std::string_view name(Reason reason) noexcept {
    switch (reason) {
        case Reason::success:
            return "success";
        case Reason::disconnect_with_will:
            return "disconnect_with_will";
        case Reason::no_matching_subscribers:
            return "no_matching_subscribers";
        case Reason::no_subscription_existed:
            return "no_subscription_existed";
        case Reason::unspecified:
            return "unspecified";
        case Reason::malformed_packet:
            return "malformed_packet";
        case Reason::protocol_error:
            return "protocol_error";
        case Reason::implementation_specific:
            return "implementation_specific";
        case Reason::unsupported_version:
            return "unsupported_version";
        case Reason::client_id_not_valid:
            return "client_id_not_valid";
        case Reason::bad_credentials:
            return "bad_credentials";
        case Reason::not_authorized:
            return "not_authorized";
        case Reason::server_unavailable:
            return "server_unavailable";
        case Reason::server_busy:
            return "server_busy";
        case Reason::banned:
            return "banned";
        case Reason::server_shutting_down:
            return "server_shutting_down";
        case Reason::bad_authentication_method:
            return "bad_authentication_method";
        case Reason::keep_alive_timeout:
            return "keep_alive_timeout";
        case Reason::session_taken_over:
            return "session_taken_over";
        case Reason::topic_filter_invalid:
            return "topic_filter_invalid";
        case Reason::topic_name_invalid:
            return "topic_name_invalid";
        case Reason::packet_id_in_use:
            return "packet_id_in_use";
        case Reason::packet_id_not_found:
            return "packet_id_not_found";
        case Reason::topic_alias_invalid:
            return "topic_alias_invalid";
        case Reason::packet_too_large:
            return "packet_too_large";
        case Reason::message_rate_too_high:
            return "message_rate_too_high";
        case Reason::quota_exceeded:
            return "quota_exceeded";
        case Reason::payload_format_invalid:
            return "payload_format_invalid";
        case Reason::retain_not_supported:
            return "retain_not_supported";
        case Reason::qos_not_supported:
            return "qos_not_supported";
        case Reason::use_another_server:
            return "use_another_server";
        case Reason::server_moved:
            return "server_moved";
        case Reason::connection_rate_exceeded:
            return "connection_rate_exceeded";
    }
    return "unknown";
}

/// The CONNACK return code of MQTT 3.1 and 3.1.1 (section 3.2.2.3) for a refusal.
[[nodiscard]] constexpr std::uint8_t return_code(Reason reason) noexcept {
    switch (reason) {
        case Reason::success:
            return 0;
        case Reason::unsupported_version:
            return 1;
        case Reason::client_id_not_valid:
            return 2;
        case Reason::bad_credentials:
            return 4;
        case Reason::not_authorized:
            return 5;
        default:
            return 3;  // server unavailable
    }
}

/// The reason of a CONNACK return code of MQTT 3.1 and 3.1.1.
[[nodiscard]] constexpr Reason reason_of_return_code(std::uint8_t code) noexcept {
    switch (code) {
        case 0:
            return Reason::success;
        case 1:
            return Reason::unsupported_version;
        case 2:
            return Reason::client_id_not_valid;
        case 3:
            return Reason::server_unavailable;
        case 4:
            return Reason::bad_credentials;
        case 5:
            return Reason::not_authorized;
        default:
            return Reason::unspecified;
    }
}

}  // namespace penstock::mqtt

#pragma once

#include "base/mqtt/reason.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

/// The packets that a client sends, and those that a server answers PUBLISH with, as structs. All
/// views point into the packet's bytes. Source: MQTT 5.0 and MQTT 3.1.1 (OASIS), MQTT 3.1.
namespace penstock::mqtt {

enum class Version : std::uint8_t { v31 = 3, v311 = 4, v5 = 5 };

enum class PacketType : std::uint8_t {
    reserved = 0,
    connect = 1,
    connack = 2,
    publish = 3,
    puback = 4,
    pubrec = 5,
    pubrel = 6,
    pubcomp = 7,
    subscribe = 8,
    suback = 9,
    unsubscribe = 10,
    unsuback = 11,
    pingreq = 12,
    pingresp = 13,
    disconnect = 14,
    auth = 15,
};
[[nodiscard]] std::string_view name(PacketType type) noexcept;

/// One packet as it stands on the wire.
struct Frame {
    std::uint8_t head = 0;            // type and flags
    std::span<const std::byte> body;  // what Remaining Length counts
    std::size_t size = 0;             // with the fixed header

    [[nodiscard]] PacketType type() const noexcept { return static_cast<PacketType>(head >> 4); }
    [[nodiscard]] std::uint8_t flags() const noexcept { return head & 0x0F; }
};

/// What of the properties of a packet matters here (MQTT 5 section 2.2.2). The others are checked
/// and left.
struct Properties {
    std::uint64_t seen = 0;  // bit n: property with identifier n was there
    std::uint32_t session_expiry = 0;
    std::uint32_t max_packet = 0;
    std::uint32_t will_delay = 0;
    std::uint32_t user_properties = 0;
    std::uint16_t topic_alias = 0;
    std::uint16_t receive_maximum = 65'535;
    std::uint16_t server_keep_alive = 0;  // seconds; valid when it was there
    std::uint8_t maximum_qos = 2;
    bool retain_available = true;
    bool request_problem_info = true;
    std::string_view reason_string;

    [[nodiscard]] bool has(std::uint8_t identifier) const noexcept {
        return (seen >> identifier & 1) != 0;
    }
};

/// Property identifiers that are named in code.
namespace property {
constexpr std::uint8_t kSessionExpiry = 0x11;
constexpr std::uint8_t kAssignedClientId = 0x12;
constexpr std::uint8_t kServerKeepAlive = 0x13;
constexpr std::uint8_t kAuthenticationMethod = 0x15;
constexpr std::uint8_t kAuthenticationData = 0x16;
constexpr std::uint8_t kReasonString = 0x1F;
constexpr std::uint8_t kReceiveMaximum = 0x21;
constexpr std::uint8_t kTopicAliasMaximum = 0x22;
constexpr std::uint8_t kTopicAlias = 0x23;
constexpr std::uint8_t kMaximumQos = 0x24;
constexpr std::uint8_t kRetainAvailable = 0x25;
constexpr std::uint8_t kUserProperty = 0x26;
constexpr std::uint8_t kMaximumPacketSize = 0x27;
constexpr std::uint8_t kWildcardAvailable = 0x28;
constexpr std::uint8_t kSubscriptionIdsAvailable = 0x29;
constexpr std::uint8_t kSharedAvailable = 0x2A;
}  // namespace property

struct Connect {
    Version version = Version::v311;
    bool clean_start = false;
    bool has_will = false;
    bool will_retain = false;
    bool has_user = false;
    bool has_password = false;
    std::uint8_t will_qos = 0;
    std::uint16_t keep_alive = 0;  // seconds; 0: none
    Properties properties;
    Properties will_properties;
    std::string_view client_id;
    std::string_view will_topic;
    std::string_view will_payload;
    std::string_view user;
    std::string_view password;
};

struct Publish {
    std::uint8_t qos = 0;
    bool retain = false;
    bool duplicate = false;
    std::uint16_t packet_id = 0;    // 0 for QoS 0
    std::uint16_t topic_alias = 0;  // 0: none
    std::string_view topic;         // may be empty with an alias; not checked yet
    std::string_view payload;
};

/// SUBSCRIBE and UNSUBSCRIBE: nothing is subscribed here, so the number of filters is all that an
/// answer needs.
struct Subscribe {
    std::uint16_t packet_id = 0;
    std::uint32_t filters = 0;
};

/// A server's answer to CONNECT.
struct ConnackReply {
    bool session_present = false;
    Reason reason = Reason::success;  // of MQTT 3: what comes nearest to its return code
    Properties properties;
};

/// A server's answer to PUBLISH of QoS 1. MQTT 3 knows success only.
struct PubackReply {
    std::uint16_t packet_id = 0;
    Reason reason = Reason::success;
    Properties properties;
};

struct Disconnect {
    std::uint8_t reason = 0;
    Properties properties;
};

}  // namespace penstock::mqtt

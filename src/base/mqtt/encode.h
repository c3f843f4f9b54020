#pragma once

#include "base/bytes.h"
#include "base/mqtt/packet.h"
#include "base/mqtt/reason.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

/// Packets to bytes, appended to an output.
namespace penstock::mqtt {

/// What a CONNACK says (MQTT 5 section 3.2.2.3). MQTT 3 takes the reason only.
struct Connack {
    Reason reason = Reason::success;
    std::uint32_t max_packet = 0;            // 0: not said
    std::uint16_t receive_maximum = 65'535;  // said when it is another
    std::uint16_t topic_alias_max = 0;
    bool session_expires =
        false;  // say Session Expiry Interval 0, which overrules what the client asked for
    std::uint16_t server_keep_alive = 0;  // 0: not said
    std::string_view assigned_client_id;  // empty: not said
    std::string_view reason_string;       // empty: not said
};

void encode_connack(const Connack& connack, Version version, Bytes& out);

/// PUBACK without anything to say: the same four bytes in every version.
inline void encode_puback(std::uint16_t packet_id, Bytes& out) {
    std::byte* const p = out.extend(4);
    p[0] = std::byte{0x40};
    p[1] = std::byte{0x02};
    p[2] = static_cast<std::byte>(packet_id >> 8);
    p[3] = static_cast<std::byte>(packet_id & 0xFF);
}
/// PUBACK of MQTT 5 with a reason. The string is left out when the packet would be larger than
/// `max_packet` (0: any).
void encode_puback(
    std::uint16_t packet_id,
    Reason reason,
    std::string_view text,
    std::uint32_t max_packet,
    Bytes& out
);

/// One reason per filter: 0x80 in MQTT 3, `reason` in MQTT 5.
void encode_suback(const Subscribe& subscribe, Version version, Reason reason, Bytes& out);
void encode_unsuback(const Subscribe& unsubscribe, Version version, Reason reason, Bytes& out);
/// The answer to a PUBREL for an identifier that is not known here.
void encode_pubcomp(std::uint16_t packet_id, Version version, Bytes& out);
void encode_pingresp(Bytes& out);
/// MQTT 5 only. The string is left out when the packet would be larger than `max_packet` (0: any).
void encode_disconnect(Reason reason, std::string_view text, std::uint32_t max_packet, Bytes& out);

/// The client's side: CONNECT without a will. Of the properties Maximum Packet Size is sent, when
/// it is set. Precondition: texts of at most 65,535 bytes.
void encode_connect(const Connect& connect, Bytes& out);

/// Name and value, in MQTT 5.
using UserProperty = std::pair<std::string_view, std::string_view>;

/// PUBLISH without a topic alias; MQTT 3 leaves the user properties out. Preconditions: topic and
/// properties of at most 65,535 bytes, a packet id unless QoS 0, publish_size() <= kPacketMax.
void encode_publish(
    const Publish& publish, Version version, std::span<const UserProperty> user, Bytes& out
);
/// Size of that packet, fixed header included.
[[nodiscard]] std::size_t publish_size(
    const Publish& publish, Version version, std::span<const UserProperty> user
) noexcept;
/// What Remaining Length can say, with its header.
constexpr std::size_t kPacketMax = 268'435'455 + 5;

void encode_pingreq(Bytes& out);
/// DISCONNECT of a client that ends in order: the same in every version.
void encode_normal_disconnect(Bytes& out);

}  // namespace penstock::mqtt

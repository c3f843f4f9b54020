#include "ingest/mqtt/encode.h"

#include <span>
#include <string>

namespace penstock::mqtt {
namespace {

/// A packet's body in the making: bytes appended in wire order.
class Body {
public:
    Body& u8(std::uint32_t value) {
        text_.push_back(static_cast<char>(value));
        return *this;
    }
    Body& u16(std::uint32_t value) { return u8(value >> 8 & 0xFF).u8(value & 0xFF); }
    Body& u32(std::uint32_t value) { return u16(value >> 16).u16(value & 0xFFFF); }
    Body& varint(std::size_t value) {
        for (; value > 0x7F; value >>= 7)
            u8((value & 0x7F) | 0x80);
        return u8(static_cast<std::uint32_t>(value));
    }
    Body& string(std::string_view value) {
        return u16(static_cast<std::uint32_t>(value.size())).raw(value);
    }
    Body& raw(std::string_view bytes) {
        text_ += bytes;
        return *this;
    }
    /// A property section: its length, then itself.
    Body& section(const Body& properties) {
        return varint(properties.text_.size()).raw(properties.text_);
    }

    [[nodiscard]] std::size_t size() const noexcept { return text_.size(); }
    [[nodiscard]] std::string_view text() const noexcept { return text_; }

private:
    std::string text_;
};

void append(std::uint8_t head, const Body& body, ingest::Bytes& out) {
    Body packet;
    packet.u8(head).varint(body.size()).raw(body.text());
    out.append(std::as_bytes(std::span(packet.text())));
}

Body connack_properties(const Connack& connack) {
    Body p;
    if (connack.reason == Reason::success) {
        if (connack.session_expires) p.u8(property::kSessionExpiry).u32(0);
        if (connack.receive_maximum != 65'535)
            p.u8(property::kReceiveMaximum).u16(connack.receive_maximum);
        p.u8(property::kMaximumQos).u8(1);
        if (connack.max_packet != 0) p.u8(property::kMaximumPacketSize).u32(connack.max_packet);
        if (!connack.assigned_client_id.empty()) {
            p.u8(property::kAssignedClientId).string(connack.assigned_client_id);
        }
        if (connack.topic_alias_max != 0)
            p.u8(property::kTopicAliasMaximum).u16(connack.topic_alias_max);
        p.u8(property::kWildcardAvailable).u8(0);
        p.u8(property::kSubscriptionIdsAvailable).u8(0);
        p.u8(property::kSharedAvailable).u8(0);
        if (connack.server_keep_alive != 0)
            p.u8(property::kServerKeepAlive).u16(connack.server_keep_alive);
    }
    if (!connack.reason_string.empty()) p.u8(property::kReasonString).string(connack.reason_string);
    return p;
}

Body reason_string(std::string_view text) {
    Body p;
    if (!text.empty()) p.u8(property::kReasonString).string(text);
    return p;
}

/// Does the packet around a body of this size keep to the client's Maximum Packet Size
/// [MQTT-3.1.2-24]?
bool fits(std::size_t body, std::uint32_t max_packet) {
    return max_packet == 0 || body + 5 <= max_packet;
}

}  // namespace

void encode_connack(const Connack& connack, Version version, ingest::Bytes& out) {
    Body body;
    body.u8(0);  // Session Present: there are no sessions to resume
    if (version == Version::v5) {
        body.u8(static_cast<std::uint8_t>(connack.reason)).section(connack_properties(connack));
    } else {
        body.u8(return_code(connack.reason));
    }
    append(0x20, body, out);
}

void encode_puback(
    std::uint16_t packet_id,
    Reason reason,
    std::string_view text,
    std::uint32_t max_packet,
    ingest::Bytes& out
) {
    Body body;
    body.u16(packet_id).u8(static_cast<std::uint8_t>(reason));
    const Body properties = reason_string(text);
    if (properties.size() != 0 && fits(body.size() + properties.size() + 2, max_packet))
        body.section(properties);
    append(0x40, body, out);
}

void encode_suback(const Subscribe& subscribe, Version version, Reason reason, ingest::Bytes& out) {
    const bool five = version == Version::v5;
    Body body;
    body.u16(subscribe.packet_id);
    if (five) body.u8(0);
    const std::uint32_t code = five ? static_cast<std::uint32_t>(reason) : 0x80U;
    for (std::uint32_t i = 0; i < subscribe.filters; ++i)
        body.u8(code);
    append(0x90, body, out);
}

void encode_unsuback(
    const Subscribe& unsubscribe, Version version, Reason reason, ingest::Bytes& out
) {
    Body body;
    body.u16(unsubscribe.packet_id);
    if (version == Version::v5) {
        body.u8(0);
        for (std::uint32_t i = 0; i < unsubscribe.filters; ++i)
            body.u8(static_cast<std::uint8_t>(reason));
    }
    append(0xB0, body, out);
}

void encode_pubcomp(std::uint16_t packet_id, Version version, ingest::Bytes& out) {
    Body body;
    body.u16(packet_id);
    if (version == Version::v5) body.u8(static_cast<std::uint8_t>(Reason::packet_id_not_found));
    append(0x70, body, out);
}

void encode_pingresp(ingest::Bytes& out) {
    append(0xD0, Body{}, out);
}

void encode_disconnect(
    Reason reason, std::string_view text, std::uint32_t max_packet, ingest::Bytes& out
) {
    Body body;
    body.u8(static_cast<std::uint8_t>(reason));
    const Body properties = reason_string(text);
    if (properties.size() != 0 && fits(body.size() + properties.size() + 2, max_packet))
        body.section(properties);
    append(0xE0, body, out);
}

}  // namespace penstock::mqtt

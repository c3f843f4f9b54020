#include "base/mqtt/encode.h"

#include <cstring>
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

void append(std::uint8_t head, const Body& body, Bytes& out) {
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

std::size_t varint_size(std::size_t value) noexcept {
    std::size_t size = 1;
    for (; value > 0x7F; value >>= 7)
        ++size;
    return size;
}

std::size_t user_size(std::span<const UserProperty> user) noexcept {
    std::size_t size = 0;
    for (const auto& [name, value] : user)
        size += 5 + name.size() + value.size();
    return size;
}

/// What Remaining Length counts.
std::size_t publish_body(
    const Publish& publish, Version version, std::span<const UserProperty> user
) noexcept {
    const std::size_t properties = user_size(user);
    return 2 + publish.topic.size() + (publish.qos == 0 ? 0U : 2U) +
           (version == Version::v5 ? varint_size(properties) + properties : 0U) +
           publish.payload.size();
}

/// Puts bytes in wire order into room that is there.
class Writer {
public:
    explicit Writer(std::byte* at) noexcept : at_(at) {}
    Writer& u8(std::size_t value) noexcept {
        *at_++ = static_cast<std::byte>(value);
        return *this;
    }
    Writer& u16(std::size_t value) noexcept { return u8(value >> 8 & 0xFF).u8(value & 0xFF); }
    Writer& varint(std::size_t value) noexcept {
        for (; value > 0x7F; value >>= 7)
            u8((value & 0x7F) | 0x80);
        return u8(value);
    }
    Writer& raw(std::string_view bytes) noexcept {
        if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
        at_ += bytes.size();
        return *this;
    }
    Writer& string(std::string_view value) noexcept { return u16(value.size()).raw(value); }

private:
    std::byte* at_;
};

}  // namespace

void encode_connack(const Connack& connack, Version version, Bytes& out) {
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
    Bytes& out
) {
    Body body;
    body.u16(packet_id).u8(static_cast<std::uint8_t>(reason));
    const Body properties = reason_string(text);
    if (properties.size() != 0 && fits(body.size() + properties.size() + 2, max_packet))
        body.section(properties);
    append(0x40, body, out);
}

void encode_suback(const Subscribe& subscribe, Version version, Reason reason, Bytes& out) {
    const bool five = version == Version::v5;
    Body body;
    body.u16(subscribe.packet_id);
    if (five) body.u8(0);
    const std::uint32_t code = five ? static_cast<std::uint32_t>(reason) : 0x80U;
    for (std::uint32_t i = 0; i < subscribe.filters; ++i)
        body.u8(code);
    append(0x90, body, out);
}

void encode_unsuback(const Subscribe& unsubscribe, Version version, Reason reason, Bytes& out) {
    Body body;
    body.u16(unsubscribe.packet_id);
    if (version == Version::v5) {
        body.u8(0);
        for (std::uint32_t i = 0; i < unsubscribe.filters; ++i)
            body.u8(static_cast<std::uint8_t>(reason));
    }
    append(0xB0, body, out);
}

void encode_pubcomp(std::uint16_t packet_id, Version version, Bytes& out) {
    Body body;
    body.u16(packet_id);
    if (version == Version::v5) body.u8(static_cast<std::uint8_t>(Reason::packet_id_not_found));
    append(0x70, body, out);
}

void encode_pingresp(Bytes& out) {
    append(0xD0, Body{}, out);
}

void encode_disconnect(Reason reason, std::string_view text, std::uint32_t max_packet, Bytes& out) {
    Body body;
    body.u8(static_cast<std::uint8_t>(reason));
    const Body properties = reason_string(text);
    if (properties.size() != 0 && fits(body.size() + properties.size() + 2, max_packet))
        body.section(properties);
    append(0xE0, body, out);
}

void encode_connect(const Connect& connect, Bytes& out) {
    const bool five = connect.version == Version::v5;
    const unsigned flags = (connect.clean_start ? 0x02U : 0U) |
                           (connect.has_password ? 0x40U : 0U) | (connect.has_user ? 0x80U : 0U);
    Body body;
    body.string(connect.version == Version::v31 ? "MQIsdp" : "MQTT")
        .u8(static_cast<std::uint32_t>(connect.version))
        .u8(flags)
        .u16(connect.keep_alive);
    if (five) {
        Body properties;
        if (connect.properties.max_packet != 0)
            properties.u8(property::kMaximumPacketSize).u32(connect.properties.max_packet);
        body.section(properties);
    }
    body.string(connect.client_id);
    if (connect.has_user) body.string(connect.user);
    if (connect.has_password) body.string(connect.password);
    append(0x10, body, out);
}

std::size_t publish_size(
    const Publish& publish, Version version, std::span<const UserProperty> user
) noexcept {
    const std::size_t body = publish_body(publish, version, user);
    return 1 + varint_size(body) + body;
}

void encode_publish(
    const Publish& publish, Version version, std::span<const UserProperty> user, Bytes& out
) {
    const std::size_t body = publish_body(publish, version, user);
    const unsigned flags =
        (publish.duplicate ? 0x08U : 0U) | publish.qos * 2U | (publish.retain ? 1U : 0U);
    Writer to(out.extend(1 + varint_size(body) + body));
    to.u8(0x30U | flags).varint(body).string(publish.topic);
    if (publish.qos != 0) to.u16(publish.packet_id);
    if (version == Version::v5) {
        to.varint(user_size(user));
        for (const auto& [name, value] : user)
            to.u8(property::kUserProperty).string(name).string(value);
    }
    to.raw(publish.payload);
}

void encode_pingreq(Bytes& out) {
    append(0xC0, Body{}, out);
}

void encode_normal_disconnect(Bytes& out) {
    append(0xE0, Body{}, out);
}

}  // namespace penstock::mqtt

#include "base/mqtt/decode.h"

#include "base/mqtt/properties.h"
#include "base/mqtt/reader.h"
#include "base/mqtt/topic.h"

namespace penstock::mqtt {
namespace {

constexpr std::uint8_t kRequiredFlags = 0x02;  // of SUBSCRIBE, UNSUBSCRIBE and PUBREL

/// Connect Flags of section 3.1.2.3, by the rules of both versions.
Reason read_flags(std::uint8_t flags, Connect& out) noexcept {
    out.clean_start = (flags & 0x02) != 0;
    out.has_will = (flags & 0x04) != 0;
    out.will_qos = flags >> 3 & 0x03;
    out.will_retain = (flags & 0x20) != 0;
    out.has_password = (flags & 0x40) != 0;
    out.has_user = (flags & 0x80) != 0;
    const bool will_without_flag = !out.has_will && (out.will_qos != 0 || out.will_retain);
    const bool lone_password = out.version != Version::v5 && out.has_password && !out.has_user;
    if ((flags & 0x01) != 0 || out.will_qos == 3 || will_without_flag || lone_password) {
        return Reason::malformed_packet;
    }
    return Reason::success;
}

/// A DISCONNECT that says something.
Reason read_disconnect(
    const Frame& frame, Version version, PropertySet set, std::uint32_t max_user, Disconnect& out
) noexcept {
    if (frame.flags() != 0 || version != Version::v5) return Reason::malformed_packet;
    Reader in(frame.body);
    out.reason = in.u8();
    if (in.left() != 0) {
        const Reason reason = read_properties(in, set, max_user, out.properties);
        if (reason != Reason::success) return reason;
    }
    return in.complete() ? Reason::success : Reason::malformed_packet;
}

Reason read_protocol(Reader& in, Connect& out) noexcept {
    const std::string_view protocol = in.bytes();
    const std::uint8_t level = in.u8();
    if (!in.ok()) return Reason::malformed_packet;
    out.version = level >= 5 ? Version::v5 : Version::v311;
    if (protocol == "MQTT" && (level == 4 || level == 5)) return Reason::success;
    if (protocol == "MQIsdp" && level == 3) {
        out.version = Version::v31;
        return Reason::success;
    }
    if (protocol != "MQTT" && protocol != "MQIsdp") return Reason::malformed_packet;
    return Reason::unsupported_version;
}

}  // namespace

std::string_view name(PacketType type) noexcept {
    switch (type) {
        case PacketType::reserved:
            return "reserved";
        case PacketType::connect:
            return "connect";
        case PacketType::connack:
            return "connack";
        case PacketType::publish:
            return "publish";
        case PacketType::puback:
            return "puback";
        case PacketType::pubrec:
            return "pubrec";
        case PacketType::pubrel:
            return "pubrel";
        case PacketType::pubcomp:
            return "pubcomp";
        case PacketType::subscribe:
            return "subscribe";
        case PacketType::suback:
            return "suback";
        case PacketType::unsubscribe:
            return "unsubscribe";
        case PacketType::unsuback:
            return "unsuback";
        case PacketType::pingreq:
            return "pingreq";
        case PacketType::pingresp:
            return "pingresp";
        case PacketType::disconnect:
            return "disconnect";
        case PacketType::auth:
            return "auth";
    }
    return "unknown";
}

Framing next_frame(
    std::span<const std::byte> bytes, std::size_t max, Frame& frame, std::size_t& need
) noexcept {
    std::size_t length = 0;
    for (std::size_t i = 1; i <= 4; ++i) {
        if (i >= bytes.size()) {
            need = i + 1;
            return Framing::partial;
        }
        const auto byte = std::to_integer<std::size_t>(bytes[i]);
        length |= (byte & 0x7F) << (7 * (i - 1));
        if ((byte & 0x80) != 0) continue;
        if (byte == 0 && i != 1) return Framing::malformed;
        const std::size_t header = i + 1;
        if (header + length > max) return Framing::too_large;
        if (bytes.size() < header + length) {
            need = header + length;
            return Framing::partial;
        }
        frame.head = std::to_integer<std::uint8_t>(bytes[0]);
        frame.body = bytes.subspan(header, length);
        frame.size = header + length;
        return Framing::whole;
    }
    return Framing::malformed;
}

Reason decode_connect(const Frame& frame, std::uint32_t max_user, Connect& out) noexcept {
    if (frame.flags() != 0) return Reason::malformed_packet;
    Reader in(frame.body);
    if (const Reason reason = read_protocol(in, out); reason != Reason::success) return reason;
    if (const Reason reason = read_flags(in.u8(), out); reason != Reason::success) return reason;
    out.keep_alive = in.u16();
    const bool five = out.version == Version::v5;
    if (five) {
        const Reason reason = read_properties(in, PropertySet::connect, max_user, out.properties);
        if (reason != Reason::success) return reason;
        const bool data_alone = out.properties.has(property::kAuthenticationData) &&
                                !out.properties.has(property::kAuthenticationMethod);
        if (data_alone) return Reason::protocol_error;
    }
    out.client_id = in.text();
    if (out.has_will) {
        if (five) {
            const Reason reason =
                read_properties(in, PropertySet::will, max_user, out.will_properties);
            if (reason != Reason::success) return reason;
        }
        out.will_topic = in.text();
        out.will_payload = in.bytes();
    }
    if (out.has_user) out.user = in.text();
    if (out.has_password) out.password = in.bytes();
    return in.complete() ? Reason::success : Reason::malformed_packet;
}

Reason decode_publish(
    const Frame& frame, Version version, std::uint32_t max_user, Publish& out
) noexcept {
    out.duplicate = (frame.head & 0x08) != 0;
    out.qos = frame.head >> 1 & 0x03;
    out.retain = (frame.head & 0x01) != 0;
    if (out.qos == 3 || (out.qos == 0 && out.duplicate)) return Reason::malformed_packet;
    Reader in(frame.body);
    out.topic = in.bytes();
    out.packet_id = out.qos != 0 ? in.u16() : std::uint16_t{0};
    out.topic_alias = 0;
    if (version == Version::v5) {
        Properties properties;
        const Reason reason = read_properties(in, PropertySet::publish, max_user, properties);
        if (reason != Reason::success) return reason;
        out.topic_alias = properties.topic_alias;
    }
    out.payload = in.rest();
    if (!in.ok()) return Reason::malformed_packet;
    return out.qos != 0 && out.packet_id == 0 ? Reason::protocol_error : Reason::success;
}

Reason decode_subscribe(
    const Frame& frame, Version version, std::uint32_t max_user, Subscribe& out
) noexcept {
    if (frame.flags() != kRequiredFlags) return Reason::malformed_packet;
    Reader in(frame.body);
    out.packet_id = in.u16();
    const bool five = version == Version::v5;
    if (five) {
        Properties properties;
        const Reason reason = read_properties(in, PropertySet::subscribe, max_user, properties);
        if (reason != Reason::success) return reason;
    }
    while (in.left() != 0) {
        const std::string_view filter = in.text();
        const std::uint8_t options = in.u8();
        if (!in.ok()) return Reason::malformed_packet;
        const std::uint8_t reserved = five ? 0xC0 : 0xFC;
        const bool bad_retain_handling = five && (options >> 4 & 0x03) == 3;
        if ((options & reserved) != 0 || (options & 0x03) == 3) return Reason::malformed_packet;
        if (bad_retain_handling) return Reason::protocol_error;
        if (!valid_topic_filter(filter)) return Reason::topic_filter_invalid;
        ++out.filters;
    }
    if (!in.complete()) return Reason::malformed_packet;
    return out.filters == 0 || out.packet_id == 0 ? Reason::protocol_error : Reason::success;
}

Reason decode_unsubscribe(
    const Frame& frame, Version version, std::uint32_t max_user, Subscribe& out
) noexcept {
    if (frame.flags() != kRequiredFlags) return Reason::malformed_packet;
    Reader in(frame.body);
    out.packet_id = in.u16();
    if (version == Version::v5) {
        Properties properties;
        const Reason reason = read_properties(in, PropertySet::unsubscribe, max_user, properties);
        if (reason != Reason::success) return reason;
    }
    while (in.left() != 0) {
        const std::string_view filter = in.text();
        if (!in.ok()) return Reason::malformed_packet;
        if (!valid_topic_filter(filter)) return Reason::topic_filter_invalid;
        ++out.filters;
    }
    if (!in.complete()) return Reason::malformed_packet;
    return out.filters == 0 || out.packet_id == 0 ? Reason::protocol_error : Reason::success;
}

Reason decode_disconnect(
    const Frame& frame, Version version, std::uint32_t max_user, Disconnect& out
) noexcept {
    if (frame.flags() == 0 && frame.body.empty()) return Reason::success;
    return read_disconnect(frame, version, PropertySet::disconnect, max_user, out);
}

Reason decode_server_disconnect(
    const Frame& frame, Version version, std::uint32_t max_user, Disconnect& out
) noexcept {
    if (version != Version::v5) return Reason::malformed_packet;
    if (frame.flags() == 0 && frame.body.empty()) return Reason::success;
    return read_disconnect(frame, version, PropertySet::server_disconnect, max_user, out);
}

Reason decode_connack(
    const Frame& frame, Version version, std::uint32_t max_user, ConnackReply& out
) noexcept {
    if (frame.flags() != 0) return Reason::malformed_packet;
    Reader in(frame.body);
    const std::uint8_t flags = in.u8();
    const std::uint8_t code = in.u8();
    if ((flags & 0xFE) != 0) return Reason::malformed_packet;
    out.session_present = flags != 0;
    out.reason = version == Version::v5 ? static_cast<Reason>(code) : reason_of_return_code(code);
    if (version == Version::v5) {
        const Reason reason = read_properties(in, PropertySet::connack, max_user, out.properties);
        if (reason != Reason::success) return reason;
    }
    return in.complete() ? Reason::success : Reason::malformed_packet;
}

Reason decode_puback(
    const Frame& frame, Version version, std::uint32_t max_user, PubackReply& out
) noexcept {
    if (frame.flags() != 0) return Reason::malformed_packet;
    Reader in(frame.body);
    out.packet_id = in.u16();
    out.reason = Reason::success;
    if (version == Version::v5 && in.left() != 0) {
        out.reason = static_cast<Reason>(in.u8());
        if (in.left() != 0) {
            const Reason reason =
                read_properties(in, PropertySet::acknowledgement, max_user, out.properties);
            if (reason != Reason::success) return reason;
        }
    }
    if (!in.complete()) return Reason::malformed_packet;
    return out.packet_id == 0 ? Reason::protocol_error : Reason::success;
}

Reason decode_pubrel(
    const Frame& frame, Version version, std::uint32_t max_user, std::uint16_t& packet_id
) noexcept {
    if (frame.flags() != kRequiredFlags) return Reason::malformed_packet;
    Reader in(frame.body);
    packet_id = in.u16();
    if (version == Version::v5 && in.left() != 0) {
        (void)in.u8();
        Properties properties;
        if (in.left() != 0) {
            const Reason reason =
                read_properties(in, PropertySet::acknowledgement, max_user, properties);
            if (reason != Reason::success) return reason;
        }
    }
    if (!in.complete()) return Reason::malformed_packet;
    return packet_id == 0 ? Reason::protocol_error : Reason::success;
}

Reason decode_pingresp(const Frame& frame) noexcept {
    return decode_pingreq(frame);
}

Reason decode_pingreq(const Frame& frame) noexcept {
    return frame.flags() == 0 && frame.body.empty() ? Reason::success : Reason::malformed_packet;
}

}  // namespace penstock::mqtt

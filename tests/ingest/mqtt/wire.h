#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The device's side of the wire: packets as bytes, and what the server says as text. Shares no
/// code with src/.
namespace wire {

inline std::string u8(unsigned value) {
    return std::string(1, static_cast<char>(value));
}
inline std::string u16(unsigned value) {
    return u8(value >> 8 & 0xFF) + u8(value & 0xFF);
}
inline std::string u32(unsigned long value) {
    return u16(static_cast<unsigned>(value >> 16)) + u16(static_cast<unsigned>(value & 0xFFFF));
}
inline std::string varint(std::size_t value) {
    std::string out;
    for (; value > 127; value >>= 7)
        out += u8(static_cast<unsigned>(value & 127) | 128U);
    return out + u8(static_cast<unsigned>(value));
}
inline std::string text(std::string_view value) {
    return u16(static_cast<unsigned>(value.size())) + std::string(value);
}
inline std::string packet(unsigned head, std::string_view body) {
    return u8(head) + varint(body.size()) + std::string(body);
}
inline std::string section(std::string_view properties) {
    return varint(properties.size()) + std::string(properties);
}

struct Connect {
    int version = 4;
    std::string protocol = "MQTT";
    bool clean = true;
    std::string id = "dev";
    unsigned keep_alive = 0;
    std::string properties = {};
    std::string will_topic = {};  // empty: no will
    std::string will_payload = {};
    unsigned will_qos = 0;
    std::string will_properties = {};
    std::string user = {};
    std::string password = {};
    unsigned extra_flags = 0;
};

inline std::string connect(const Connect& c = {}) {
    unsigned flags = c.extra_flags | (c.clean ? 2U : 0U);
    std::string payload = text(c.id);
    if (!c.will_topic.empty()) {
        flags |= 4U | c.will_qos << 3;
        if (c.version == 5) payload += section(c.will_properties);
        payload += text(c.will_topic) + text(c.will_payload);
    }
    if (!c.user.empty()) flags |= 0x80U, payload += text(c.user);
    if (!c.password.empty()) flags |= 0x40U, payload += text(c.password);
    std::string body =
        text(c.protocol) + u8(static_cast<unsigned>(c.version)) + u8(flags) + u16(c.keep_alive);
    if (c.version == 5) body += section(c.properties);
    return packet(0x10, body + payload);
}
inline std::string connect_v5(std::string id = "dev", std::string properties = {}) {
    Connect c;
    c.version = 5;
    c.id = std::move(id);
    c.properties = std::move(properties);
    return connect(c);
}
inline std::string connect_as(std::string id) {
    Connect c;
    c.id = std::move(id);
    return connect(c);
}

inline std::string publish(
    std::string_view topic,
    std::string_view payload,
    unsigned qos = 0,
    unsigned id = 0,
    unsigned flags = 0
) {
    return packet(
        0x30U | qos << 1 | flags, text(topic) + (qos != 0 ? u16(id) : "") + std::string(payload)
    );
}
inline std::string publish_v5(
    std::string_view topic,
    std::string_view payload,
    unsigned qos = 0,
    unsigned id = 0,
    std::string_view properties = {}
) {
    return packet(
        0x30U | qos << 1,
        text(topic) + (qos != 0 ? u16(id) : "") + section(properties) + std::string(payload)
    );
}
inline std::string alias(unsigned value) {
    return u8(0x23) + u16(value);
}
inline std::string user_property(std::string_view key, std::string_view value) {
    return u8(0x26) + text(key) + text(value);
}
inline std::string pingreq() {
    return packet(0xC0, "");
}
inline std::string disconnect() {
    return packet(0xE0, "");
}
inline std::string disconnect_v5(unsigned reason) {
    return packet(0xE0, u8(reason));
}
inline std::string subscribe(unsigned id, std::string_view filter, bool v5 = false) {
    return packet(0x82, u16(id) + (v5 ? u8(0) : "") + text(filter) + u8(0));
}
inline std::string unsubscribe(unsigned id, std::string_view filter, bool v5 = false) {
    return packet(0xA2, u16(id) + (v5 ? u8(0) : "") + text(filter));
}

/// "puback 7", "puback 7 0x99 why", "connack 0", "disconnect 0x8b", ... one per packet; what is no
/// whole packet is shown in hexadecimal.
inline std::vector<std::string> read(std::string_view bytes, bool v5 = false) {
    const auto hex = [](unsigned value) {
        constexpr std::string_view digits = "0123456789abcdef";
        return std::string("0x") + digits[value >> 4 & 15] + digits[value & 15];
    };
    std::vector<std::string> out;
    while (!bytes.empty()) {
        std::size_t length = 0;
        std::size_t at = 1;
        for (unsigned shift = 0; at < bytes.size() && at <= 4; shift += 7) {
            const auto byte = static_cast<unsigned char>(bytes[at++]);
            length |= static_cast<std::size_t>(byte & 127U) << shift;
            if (byte < 128) break;
        }
        if (at + length > bytes.size()) {
            std::string rest = "broken";
            for (const char c : bytes)
                rest += ' ' + hex(static_cast<unsigned char>(c));
            out.push_back(rest);
            break;
        }
        const std::string_view body = bytes.substr(at, length);
        const auto byte = [&](std::size_t i) {
            return i < body.size() ? unsigned{static_cast<unsigned char>(body[i])} : 0U;
        };
        const auto id = [&] { return std::to_string(byte(0) << 8 | byte(1)); };
        // The reason string, where it is the first property at `from`.
        const auto reason = [&](std::size_t from) {
            if (body.size() < from + 4 || byte(from + 1) != 0x1F) return std::string();
            return ' ' + std::string(body.substr(from + 4, byte(from + 2) << 8 | byte(from + 3)));
        };
        const auto head = static_cast<unsigned char>(bytes[0]);
        switch (head) {
            case 0x20:
                out.push_back(
                    "connack " +
                    (v5 || byte(1) > 5 ? hex(byte(1)) + reason(2) : std::to_string(byte(1)))
                );
                break;
            case 0x40:
                out.push_back(
                    "puback " + id() + (body.size() > 2 ? ' ' + hex(byte(2)) + reason(3) : "")
                );
                break;
            case 0x70:
                out.push_back("pubcomp " + id() + (body.size() > 2 ? ' ' + hex(byte(2)) : ""));
                break;
            case 0x90:
                out.push_back("suback " + id() + ' ' + hex(byte(body.size() - 1)));
                break;
            case 0xB0:
                out.push_back(
                    "unsuback " + id() + (body.size() > 2 ? ' ' + hex(byte(body.size() - 1)) : "")
                );
                break;
            case 0xD0:
                out.push_back("pingresp");
                break;
            case 0xE0:
                out.push_back("disconnect " + hex(byte(0)) + reason(1));
                break;
            default:
                out.push_back("unexpected " + hex(head));
        }
        bytes.remove_prefix(at + length);
    }
    return out;
}

inline std::string puback(unsigned id) {
    return "puback " + std::to_string(id);
}

}  // namespace wire

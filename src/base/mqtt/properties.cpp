#include "base/mqtt/properties.h"

#include "base/utf8.h"

#include <array>

namespace penstock::mqtt {

std::string_view Reader::text() noexcept {
    const std::string_view value = bytes();
    if (text::classify_utf8(value) == text::Text::malformed) sour();
    return value;
}

namespace {

enum class Kind : std::uint8_t { unknown, byte, two, four, varint, text, binary, pair };

struct Rule {
    Kind kind = Kind::unknown;
    std::uint16_t sets = 0;  // bit: PropertySet
};

constexpr std::uint16_t in(auto... sets) {
    return static_cast<std::uint16_t>((0 | ... | (1 << static_cast<unsigned>(sets))));
}

constexpr std::array<Rule, 64> rules() {
    using enum PropertySet;
    std::array<Rule, 64> table{};
    table[0x01] = {Kind::byte, in(publish, will)};                 // Payload Format Indicator
    table[0x02] = {Kind::four, in(publish, will)};                 // Message Expiry Interval
    table[0x03] = {Kind::text, in(publish, will)};                 // Content Type
    table[0x08] = {Kind::text, in(publish, will)};                 // Response Topic
    table[0x09] = {Kind::binary, in(publish, will)};               // Correlation Data
    table[0x0B] = {Kind::varint, in(subscribe)};                   // Subscription Identifier
    table[0x11] = {Kind::four, in(connect, connack, disconnect)};  // Session Expiry Interval
    table[0x12] = {Kind::text, in(connack)};                       // Assigned Client Identifier
    table[0x13] = {Kind::two, in(connack)};                        // Server Keep Alive
    table[0x15] = {Kind::text, in(connect, connack)};              // Authentication Method
    table[0x16] = {Kind::binary, in(connect, connack)};            // Authentication Data
    table[0x17] = {Kind::byte, in(connect)};                       // Request Problem Information
    table[0x18] = {Kind::four, in(will)};                          // Will Delay Interval
    table[0x19] = {Kind::byte, in(connect)};                       // Request Response Information
    table[0x1A] = {Kind::text, in(connack)};                       // Response Information
    table[0x1C] = {Kind::text, in(connack, server_disconnect)};    // Server Reference
    table[0x1F] = {                                                // Reason String
                   Kind::text,
                   in(connack, acknowledgement, disconnect, server_disconnect)
    };
    table[0x21] = {Kind::two, in(connect, connack)};  // Receive Maximum
    table[0x22] = {Kind::two, in(connect, connack)};  // Topic Alias Maximum
    table[0x23] = {Kind::two, in(publish)};           // Topic Alias
    table[0x24] = {Kind::byte, in(connack)};          // Maximum QoS
    table[0x25] = {Kind::byte, in(connack)};          // Retain Available
    table[0x26] = {                                   // User Property
                   Kind::pair,
                   in(connect,
                      will,
                      publish,
                      acknowledgement,
                      subscribe,
                      unsubscribe,
                      disconnect,
                      connack,
                      server_disconnect)
    };
    table[0x27] = {Kind::four, in(connect, connack)};  // Maximum Packet Size
    table[0x28] = {Kind::byte, in(connack)};           // Wildcard Subscription Available
    table[0x29] = {Kind::byte, in(connack)};           // Subscription Identifier Available
    table[0x2A] = {Kind::byte, in(connack)};           // Shared Subscription Available
    return table;
}

constexpr std::array<Rule, 64> kRules = rules();

/// A value is one or the other.
struct Value {
    std::uint32_t number = 0;
    std::string_view text;
};

Value read_value(Reader& in, Kind kind) noexcept {
    switch (kind) {
        case Kind::byte:
            return {in.u8(), {}};
        case Kind::two:
            return {in.u16(), {}};
        case Kind::four:
            return {in.u32(), {}};
        case Kind::varint:
            return {in.varint(), {}};
        case Kind::text:
            return {0, in.text()};
        case Kind::binary:
            return {0, in.bytes()};
        case Kind::pair:
            (void)in.text();
            (void)in.text();
            return {};
        case Kind::unknown:
            in.sour();
            return {};
    }
    return {};
}

/// Ranges, and what is kept.
Reason keep(std::uint32_t identifier, const Value& read, Properties& out) noexcept {
    const std::uint32_t value = read.number;
    switch (identifier) {
        case 0x01:  // Payload Format Indicator
        case 0x19:
        case property::kWildcardAvailable:
        case property::kSubscriptionIdsAvailable:
        case property::kSharedAvailable:
            return value <= 1 ? Reason::success : Reason::protocol_error;
        case 0x17:
            out.request_problem_info = value != 0;
            return value <= 1 ? Reason::success : Reason::protocol_error;
        case property::kReceiveMaximum:
            out.receive_maximum = static_cast<std::uint16_t>(value);
            return value != 0 ? Reason::success : Reason::protocol_error;
        case property::kServerKeepAlive:
            out.server_keep_alive = static_cast<std::uint16_t>(value);
            return Reason::success;
        case property::kMaximumQos:
            out.maximum_qos = static_cast<std::uint8_t>(value);
            return value <= 1 ? Reason::success : Reason::protocol_error;
        case property::kRetainAvailable:
            out.retain_available = value != 0;
            return value <= 1 ? Reason::success : Reason::protocol_error;
        case property::kReasonString:
            out.reason_string = read.text;
            return Reason::success;
        case 0x0B:  // Subscription Identifier
            return value != 0 ? Reason::success : Reason::protocol_error;
        case property::kSessionExpiry:
            out.session_expiry = value;
            return Reason::success;
        case 0x18:
            out.will_delay = value;
            return Reason::success;
        case property::kMaximumPacketSize:
            out.max_packet = value;
            return value != 0 ? Reason::success : Reason::protocol_error;
        case property::kTopicAlias:
            out.topic_alias = static_cast<std::uint16_t>(value);
            return value != 0 ? Reason::success : Reason::topic_alias_invalid;
        default:
            return Reason::success;
    }
}

}  // namespace

Reason read_properties(
    Reader& in, PropertySet set, std::uint32_t max_user, Properties& out
) noexcept {
    Reader section = in.part(in.varint());
    while (section.left() != 0) {
        const std::uint32_t identifier = section.varint();
        const Rule rule = identifier < kRules.size() ? kRules[identifier] : Rule{};
        if (rule.kind == Kind::unknown) return Reason::malformed_packet;
        if ((rule.sets >> static_cast<unsigned>(set) & 1) == 0) return Reason::protocol_error;
        const Value value = read_value(section, rule.kind);
        if (!section.ok()) return Reason::malformed_packet;
        if (identifier == property::kUserProperty) {
            if (++out.user_properties > max_user) return Reason::quota_exceeded;
        } else if (out.has(static_cast<std::uint8_t>(identifier))) {
            return Reason::protocol_error;
        }
        out.seen |= std::uint64_t{1} << identifier;
        if (const Reason reason = keep(identifier, value, out); reason != Reason::success)
            return reason;
    }
    return section.ok() && in.ok() ? Reason::success : Reason::malformed_packet;
}

}  // namespace penstock::mqtt

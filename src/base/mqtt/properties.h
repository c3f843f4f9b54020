#pragma once

#include "base/mqtt/packet.h"
#include "base/mqtt/reader.h"
#include "base/mqtt/reason.h"

#include <cstdint>

namespace penstock::mqtt {

/// Whose properties: decides which may stand there.
enum class PropertySet : std::uint8_t {
    connect,
    will,
    publish,
    acknowledgement,
    subscribe,
    unsubscribe,
    disconnect,  // by a client
    connack,
    server_disconnect,
};

/// Reads a property section with its length. Errors: malformed_packet (an unknown identifier, a
/// short or bad value), protocol_error (not allowed here, twice, or a value out of range),
/// topic_alias_invalid (alias 0), quota_exceeded (more than `max_user` user properties). Linear;
/// stops at the first error. Source: MQTT 5 section 2.2.2 and table 2-4.
[[nodiscard]] Reason read_properties(
    Reader& in, PropertySet set, std::uint32_t max_user, Properties& out
) noexcept;

}  // namespace penstock::mqtt

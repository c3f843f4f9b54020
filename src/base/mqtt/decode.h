#pragma once

#include "base/mqtt/packet.h"
#include "base/mqtt/reason.h"

#include <cstddef>
#include <cstdint>
#include <span>

/// Bytes to packets: pure functions, incremental through next_frame. Each returns `success`, or the
/// reason code that MQTT 5 has for what is wrong. What they give points into the bytes.
namespace penstock::mqtt {

enum class Framing : std::uint8_t {
    whole,      // `frame` is the first packet
    partial,    // `need` bytes at least are needed for it, counted from the beginning of `bytes`
    malformed,  // Remaining Length is longer than four bytes or not in its shortest form
    too_large,  // over `max` bytes, fixed header included
};

/// The packet at the beginning of `bytes`. Decides from the fixed header alone: nothing is stored
/// for a packet that is too large.
[[nodiscard]] Framing next_frame(
    std::span<const std::byte> bytes, std::size_t max, Frame& frame, std::size_t& need
) noexcept;

/// Errors besides malformed_packet and those of properties: unsupported_version (`out.version` then
/// says which family the answer belongs to), protocol_error. Password without a user name is
/// malformed in MQTT 3 [MQTT-3.1.2-22] and fine in MQTT 5.
[[nodiscard]] Reason decode_connect(
    const Frame& frame, std::uint32_t max_user, Connect& out
) noexcept;

/// The topic is not checked: an alias may stand for it, see topic.h.
[[nodiscard]] Reason decode_publish(
    const Frame& frame, Version version, std::uint32_t max_user, Publish& out
) noexcept;

[[nodiscard]] Reason decode_subscribe(
    const Frame& frame, Version version, std::uint32_t max_user, Subscribe& out
) noexcept;
[[nodiscard]] Reason decode_unsubscribe(
    const Frame& frame, Version version, std::uint32_t max_user, Subscribe& out
) noexcept;
[[nodiscard]] Reason decode_disconnect(
    const Frame& frame, Version version, std::uint32_t max_user, Disconnect& out
) noexcept;
/// PUBREL: gives its packet identifier.
[[nodiscard]] Reason decode_pubrel(
    const Frame& frame, Version version, std::uint32_t max_user, std::uint16_t& packet_id
) noexcept;
/// PINGREQ: flags and body must be empty.
[[nodiscard]] Reason decode_pingreq(const Frame& frame) noexcept;

/// What a server sends to a client that publishes with QoS 1.
[[nodiscard]] Reason decode_connack(
    const Frame& frame, Version version, std::uint32_t max_user, ConnackReply& out
) noexcept;
[[nodiscard]] Reason decode_puback(
    const Frame& frame, Version version, std::uint32_t max_user, PubackReply& out
) noexcept;
/// PINGRESP: flags and body must be empty.
[[nodiscard]] Reason decode_pingresp(const Frame& frame) noexcept;
/// DISCONNECT of a server: MQTT 5 only, malformed in MQTT 3.
[[nodiscard]] Reason decode_server_disconnect(
    const Frame& frame, Version version, std::uint32_t max_user, Disconnect& out
) noexcept;

}  // namespace penstock::mqtt

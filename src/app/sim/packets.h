#pragma once

#include "app/sim/fleet.h"

#include <cstdint>
#include <string>
#include <string_view>

/// What the fleet's devices send, as bytes. Shares no code with ingest, so that a fault there does
/// not hide itself.
namespace penstock::app::sim {

/// CONNECT of MQTT 3.1.1 or 5: clean, keep alive 60 s, with the options' user and password.
[[nodiscard]] std::string connect_packet(const Options& o, const std::string& client);

/// PUBLISH with the options' topic and QoS. `again`: with the DUP flag.
[[nodiscard]] std::string publish_packet(
    const Options& o, std::uint16_t id, std::string_view payload, bool again
);

/// A request that posts one record.
[[nodiscard]] std::string http_request(const Options& o, std::string_view payload);

}  // namespace penstock::app::sim

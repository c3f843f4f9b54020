#pragma once

#include "options.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace load {

/// What a server said.
struct Answer {
    enum class Kind {
        partial,       // not all of it is here
        greeting,      // MQTT: CONNACK, `code` is its return code
        acknowledged,  // of a message; MQTT: the packet `id`
        refused,       // of a message: HTTP status `code`
        pong,
        broken,  // nothing a server should say
    };
    Kind kind = Kind::partial;
    std::size_t size = 0;  // bytes of it
    int code = 0;
    std::uint16_t id = 0;
};

[[nodiscard]] Answer next_mqtt_answer(std::string_view bytes);
[[nodiscard]] Answer next_http_answer(std::string_view bytes);

/// A CONNECT of MQTT 3.1.1: clean session, no keep alive.
[[nodiscard]] std::string connect_packet(const Options& options, std::size_t connection);

}  // namespace load

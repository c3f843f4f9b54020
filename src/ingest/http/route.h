#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::ingest::http {

/// What a request target asks for.
struct Route {
    enum class Kind : std::uint8_t {
        ingest,    // /v1/ingest/{stream}
        unknown,   // nothing here
        bad_name,  // a stream name that cannot be one: bad percent-encoding, not UTF-8, empty,
                   // longer than 255 bytes
    };
    Kind kind = Kind::unknown;
    std::string stream;
};

/// Takes the origin and absolute forms of a target (RFC 9112 section 3.2); the query is ignored, a
/// slash at the end too.
[[nodiscard]] Route route_of(std::string_view target);

}  // namespace penstock::ingest::http

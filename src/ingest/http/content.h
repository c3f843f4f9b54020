#pragma once

#include "ingest/http/elements.h"

#include <optional>
#include <string>
#include <string_view>

namespace penstock::ingest::http {

/// What a Content-Type says about the body; nothing for types that hold no JSON. An absent type and
/// those that clients send without thinking (`application/x-www-form-urlencoded` of curl -d,
/// text/plain, application/octet-stream) say nothing.
[[nodiscard]] std::optional<Format> format_of(std::string_view content_type);

/// What an Authorization header holds (RFC 7617, RFC 6750).
struct Authorization {
    std::string user;
    std::string password;
    std::string token;
    bool understood = true;  // absent counts as understood
};
[[nodiscard]] Authorization parse_authorization(std::string_view header);

}  // namespace penstock::ingest::http

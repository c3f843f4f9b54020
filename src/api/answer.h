#pragma once

#include "penstock/result.h"

#include <string>
#include <string_view>

namespace penstock::api {

/// What a handler says; the session adds the rest of the head.
struct Answer {
    unsigned status = 200;
    std::string_view type = "application/json";  // a constant
    std::string body;
};

/// `{"error":"bad_parameter","message":"..."}`
[[nodiscard]] Answer problem(unsigned status, std::string_view code, std::string_view message);

/// The status that tells an operator most about an error.
[[nodiscard]] Answer problem(const Error& error);

}  // namespace penstock::api

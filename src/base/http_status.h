#pragma once

#include <string_view>

namespace penstock {

/// The words behind a status in an answer's first line; `Error` for one that no listener here says.
/// Source: RFC 9110, section 15.
[[nodiscard]] std::string_view http_reason(unsigned status) noexcept;

}  // namespace penstock

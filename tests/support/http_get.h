#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::test {

/// The body of a request to 127.0.0.1, however long: what our own client cuts at its bound. Empty
/// on any trouble.
[[nodiscard]] std::string http_ask(
    std::uint16_t port,
    std::string_view method,
    std::string_view target,
    const std::vector<std::string>& headers = {},
    std::string_view body = {}
);

}  // namespace penstock::test

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::sinks {

/// The address of a server that is no URL: `host:port`, `host`, `[::1]:5432`.
/// Threads: immutable.
struct HostPort {
    std::string host;  // a name, an IPv4 address, or an IPv6 address in brackets
    std::uint16_t port = 0;

    /// Nothing when it is not an address. Without a port: `default_port`.
    [[nodiscard]] static std::optional<HostPort> parse(
        std::string_view text, std::uint16_t default_port
    );
    /// The host without the brackets of an IPv6 address.
    [[nodiscard]] std::string bare_host() const;
};

}  // namespace penstock::sinks

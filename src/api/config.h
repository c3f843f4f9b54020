#pragma once

#include "config/field.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace penstock::api {

/// An IP address and a port: `127.0.0.1:9850`, `[::1]:9850`, `localhost:9850`.
/// Threads: immutable.
struct Address {
    std::string host;  // an IP address, without brackets
    std::uint16_t port = 0;

    [[nodiscard]] static Result<Address> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    /// Reachable from this machine only.
    [[nodiscard]] bool loopback() const noexcept;
    bool operator==(const Address&) const = default;
};

/// The listener for operators: health, metrics, queries, the status page.
struct Config {
    Address listen{"127.0.0.1", 9850};
    Secret token;                        // demanded beyond loopback; empty: nobody is asked
    std::uint32_t connections = 256;     // more are closed at once
    std::uint32_t workers = 2;           // threads for queries
    std::uint32_t waiting_queries = 64;  // more: 503
    std::uint32_t tail_clients = 16;     // more: 503
    ByteCount tail_buffer{1 << 20};      // of a tail client that does not read; then it is cut
    Duration request_timeout = std::chrono::seconds(10);
    Duration idle_timeout = std::chrono::seconds(75);
    config::Origin origin;
};

}  // namespace penstock::api

namespace penstock::config {

template <>
struct Scalar<api::Address> {
    static constexpr std::string_view kType = "address";
    static Result<api::Address> parse(std::string_view text) { return api::Address::parse(text); }
    static std::string print(const api::Address& value) { return value.text(); }
};

template <>
struct Fields<api::Config> {
    static Table<api::Config> table();
    static void check(const api::Config& config, const Origin& where, Problems& problems);
};

}  // namespace penstock::config

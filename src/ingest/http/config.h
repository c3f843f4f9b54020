#pragma once

#include "ingest/config.h"

#include <chrono>
#include <cstdint>
#include <optional>

namespace penstock::ingest::http {

/// One HTTP ingest listener. At a bound a request is refused with the status that stands beside it;
/// what was taken is never dropped.
struct Config {
    Endpoint listen{"127.0.0.1", 8080};
    std::optional<TlsConfig> tls;
    ConnectionLimits limits;
    ByteCount max_head{16 << 10};         // request line and headers; 431
    ByteCount max_body{1 << 20};          // as it comes over the wire; 413
    ByteCount max_decompressed{8 << 20};  // of a gzip or zstd body; 413
    ByteCount body_buffer{64 << 20};      // bodies that are being read or wait, per shard; 503
    std::uint32_t max_records = 10'000;   // in one request; 413
    std::uint32_t max_pipelined = 16;     // requests of a connection that wait for their answer
    Duration body_timeout = std::chrono::seconds(30);  // from the head to the end of the body; 408
    Duration answer_timeout = std::chrono::seconds(60);  // from there until all is durable; 503
    Duration idle_timeout = std::chrono::seconds(90);    // between two requests; closed
    config::Origin origin;
};

}  // namespace penstock::ingest::http

namespace penstock::config {

template <>
struct Fields<ingest::http::Config> {
    static Table<ingest::http::Config> table();
};

}  // namespace penstock::config

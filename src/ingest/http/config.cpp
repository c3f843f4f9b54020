#include "ingest/http/config.h"

namespace penstock::config {

using ingest::http::Config;
using std::chrono::hours;
using std::chrono::milliseconds;

Table<Config> Fields<Config>::table() {
    const auto times = between(Duration(milliseconds(100)), Duration(hours(1)));
    return {
        field("listen", &Config::listen, "Address and port."),
        field("tls", &Config::tls, "Makes it an HTTPS listener."),
        field("limits", &Config::limits, "Bounds of its connections."),
        field(
            "max_head",
            &Config::max_head,
            "Longest request line with headers.",
            between(ByteCount{1024}, ByteCount{1 << 20})
        ),
        field(
            "max_body",
            &Config::max_body,
            "Largest body as it is sent.",
            between(ByteCount{1024}, ByteCount{64 << 20})
        ),
        field(
            "max_decompressed",
            &Config::max_decompressed,
            "Largest gzip or zstd body after decompression.",
            between(ByteCount{1024}, ByteCount{256 << 20})
        ),
        field(
            "body_buffer",
            &Config::body_buffer,
            "Memory for bodies that are being read or wait for the journal, per shard.",
            between(ByteCount{1 << 20}, ByteCount{std::uint64_t{64} << 30})
        ),
        field(
            "max_records",
            &Config::max_records,
            "Most records of one request.",
            between(1U, 1'000'000U)
        ),
        field(
            "max_pipelined",
            &Config::max_pipelined,
            "Requests that a client may send ahead of their answers; more are not read.",
            between(1U, 1024U)
        ),
        field("body_timeout", &Config::body_timeout, "Longest time for sending a body.", times),
        field(
            "answer_timeout",
            &Config::answer_timeout,
            "Longest wait for the journal; then the answer is 503 and the client should send "
            "again.",
            times
        ),
        field("idle_timeout", &Config::idle_timeout, "Longest pause between two requests.", times),
    };
}

}  // namespace penstock::config

#pragma once

#include "config/field.h"
#include "sinks/config.h"
#include "sinks/encode/output.h"
#include "sinks/transport/http_client.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::sinks {

/// How the records of a request stand in its body.
enum class HttpBody : std::uint8_t {
    ndjson,  // one a line
    array,   // a JSON array
};

/// Settings of the HTTP sink.
struct HttpPostConfig : SinkConfig {
    std::string url;
    HttpBody body = HttpBody::ndjson;
    OutputConfig output;
    config::OrderedMap<std::string> headers;
    Secret bearer_token;
    Secret hmac_key;
    std::string hmac_header = "X-Penstock-Signature";
    std::vector<std::uint32_t> refused_statuses{422};
    std::uint32_t batch_records = 500;
    ByteCount batch_size = 1_MiB;
    Duration batch_age = std::chrono::milliseconds(100);
    bool gzip = false;
    HttpConfig http;
};

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::HttpPostConfig> {
    static Table<sinks::HttpPostConfig> table();
    static void check(const sinks::HttpPostConfig&, const Origin&, Problems&);
};

#pragma once

#include "config/field.h"
#include "config/secret.h"
#include "sinks/config.h"
#include "sinks/encode/output.h"
#include "sinks/name_template.h"
#include "sinks/transport/http_client.h"

#include <cstdint>
#include <string>

namespace penstock::sinks {

/// Settings of the Elasticsearch and OpenSearch sink.
struct ElasticsearchConfig : SinkConfig {
    std::string endpoint;
    std::string index;
    OutputConfig output;
    std::string timestamp = "@timestamp";
    std::string user;
    Secret password;
    Secret api_key;
    ByteCount record_max = 10_MiB;
    std::uint32_t batch_records = 1000;
    ByteCount batch_size = 5_MiB;
    Duration batch_age = std::chrono::milliseconds(500);
    bool gzip = true;
    HttpConfig http;
};

/// Names of indices and data streams: lower case, and none of the characters that the server keeps
/// for itself. Source: Elasticsearch reference, "Create index API", path parameters.
[[nodiscard]] const NameRules& elasticsearch_index_rules();

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::ElasticsearchConfig> {
    static Table<sinks::ElasticsearchConfig> table();
    static void check(const sinks::ElasticsearchConfig&, const Origin&, Problems&);
};

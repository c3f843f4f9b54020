#pragma once

#include "config/field.h"
#include "sinks/config.h"
#include "sinks/encode/output.h"
#include "sinks/name_template.h"
#include "sinks/transport/credentials.h"
#include "sinks/transport/http_client.h"

#include <cstdint>
#include <string>

namespace penstock::sinks {

/// Settings of the Kinesis sink.
struct KinesisConfig : SinkConfig {
    std::string endpoint;
    std::string stream;
    std::string region = "us-east-1";
    std::string key = "{device}";
    OutputConfig output;
    ByteCount record_max = 1_MiB;
    std::uint32_t batch_records = 500;
    ByteCount batch_size = ByteCount{5'000'000};
    Duration batch_age = std::chrono::milliseconds(100);
    std::uint32_t connections = 4;
    CredentialsConfig credentials;
    HttpConfig http;
};

[[nodiscard]] const NameRules& kinesis_key_rules();

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::KinesisConfig> {
    static Table<sinks::KinesisConfig> table();
    static void check(const sinks::KinesisConfig&, const Origin&, Problems&);
};

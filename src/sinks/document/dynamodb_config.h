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

/// What the sort key of an item holds; each record has one of its own in both.
enum class DynamodbSort : std::uint8_t {
    arrival,  // <journal>-<LSN of 20 digits>
    time,     // <event time>#<journal>-<LSN of 20 digits>
};

/// Settings of the DynamoDB sink.
struct DynamodbConfig : SinkConfig {
    std::string endpoint;
    std::string table;
    std::string region = "us-east-1";
    std::string partition_key = "device";
    std::string partition_value = "{device}";
    std::string sort_key = "id";
    DynamodbSort sort_value = DynamodbSort::arrival;
    OutputConfig output;
    ByteCount record_max = 400_KiB;
    std::uint32_t batch_records = 25;
    ByteCount batch_size = 4_MiB;
    Duration batch_age = std::chrono::milliseconds(100);
    CredentialsConfig credentials;
    HttpConfig http;
};

[[nodiscard]] const NameRules& dynamodb_partition_rules();

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::DynamodbConfig> {
    static Table<sinks::DynamodbConfig> table();
    static void check(const sinks::DynamodbConfig&, const Origin&, Problems&);
};

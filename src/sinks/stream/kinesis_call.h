#pragma once

#include "penstock/clock.h"
#include "penstock/sink.h"
#include "sinks/stream/kinesis_config.h"
#include "sinks/transport/aws_json.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// Source: Amazon Kinesis Data Streams API reference, 2013-12-02 (JSON 1.1).
[[nodiscard]] AwsJson kinesis_service(const KinesisConfig& config, const Clock& clock);

/// Bound on an answer: room for 500 outcomes with their messages.
constexpr std::size_t kKinesisAnswerMax = std::size_t{1} << 20U;

/// What became of the records of one PutRecords: for each, in order, nothing (stored) or why not.
/// Errors: malformed, when the answer does not tell about exactly `count` records.
[[nodiscard]] Result<std::vector<std::optional<SinkFailure>>> put_outcomes(
    std::string_view body, std::size_t count
);

}  // namespace penstock::sinks

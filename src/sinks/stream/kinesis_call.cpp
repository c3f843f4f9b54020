#include "sinks/stream/kinesis_call.h"

#include <simdjson.h>

namespace penstock::sinks {
namespace {

std::string_view text_of(const simdjson::dom::element& object, std::string_view name) {
    std::string_view text;
    if (object[name].get_string().get(text) != simdjson::SUCCESS) return {};
    return text;
}

}  // namespace

AwsJson kinesis_service(const KinesisConfig& config, const Clock& clock) {
    return {
        {"kinesis", "Kinesis_20131202", "1.1"},
        config.endpoint,
        config.region,
        config.credentials,
        clock
    };
}

Result<std::vector<std::optional<SinkFailure>>> put_outcomes(
    std::string_view body, std::size_t count
) {
    simdjson::dom::parser parser;
    simdjson::dom::element answer;
    simdjson::dom::array records;
    if (parser.parse(body.data(), body.size()).get(answer) != simdjson::SUCCESS ||
        answer["Records"].get_array().get(records) != simdjson::SUCCESS ||
        records.size() != count) {
        return Error{Errc::malformed, "the answer does not tell what became of each record"};
    }
    std::vector<std::optional<SinkFailure>> outcomes;
    outcomes.reserve(count);
    for (const simdjson::dom::element record : records) {
        auto& outcome = outcomes.emplace_back();
        if (!text_of(record, "SequenceNumber").empty()) continue;
        const std::string_view code = text_of(record, "ErrorCode");
        outcome = SinkFailure{class_of_aws_error(500, code), excerpt(code), std::nullopt, false};
        if (const std::string_view message = text_of(record, "ErrorMessage"); !message.empty())
            outcome->message += ": " + excerpt(message);
    }
    return outcomes;
}

}  // namespace penstock::sinks

#include "sinks/stream/kinesis_call.h"

#include "sinks/transport/digest.h"

#include <simdjson.h>

#include <algorithm>
#include <array>

namespace penstock::sinks {
namespace {

/// Room for 500 outcomes with their messages.
constexpr std::size_t kAnswerMax = std::size_t{1} << 20U;

constexpr std::array<std::string_view, 11> kDenied{
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "KMSAccessDeniedException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorizedException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException"
};
constexpr std::array<std::string_view, 5> kThrottling{
    "KMSThrottlingException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException"
};
constexpr std::array<std::string_view, 3> kPassing{
    "InternalFailure", "InternalFailureException", "ServiceUnavailable"
};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& list, std::string_view code) {
    return std::find(list.begin(), list.end(), code) != list.end();
}

FailureClass class_of(int status, std::string_view code) {
    if (among(kThrottling, code)) return FailureClass::throttled;
    if (among(kDenied, code)) return FailureClass::credentials;
    if (among(kPassing, code)) return FailureClass::transient;
    return class_of_status(status);
}

std::string_view text_of(const simdjson::dom::element& object, std::string_view name) {
    std::string_view text;
    if (object[name].get_string().get(text) != simdjson::SUCCESS) return {};
    return text;
}

}  // namespace

KinesisSigner::KinesisSigner(const KinesisConfig& config, const Clock& clock)
    : endpoint_(Url::parse(config.endpoint).value()),
      credentials_(config.credentials, config::process_environment()),
      signer_(config.region, "kinesis"),
      clock_(clock) {}

Result<HttpRequest> KinesisSigner::request(std::string_view action, std::string_view body) {
    PS_TRY(const AwsCredentials who, credentials_.get());
    const std::string host = endpoint_.authority();
    const AwsRequest to_sign{
        "POST",
        host,
        "/",
        {},
        {{"content-type", "application/x-amz-json-1.1"},
         {"x-amz-target", "Kinesis_20131202." + std::string(action)}},
        hex(sha256(body))
    };
    HttpRequest request;
    request.method = "POST";
    request.url = endpoint_.origin() + "/";
    request.headers = signer_.sign(to_sign, who, clock_.wall());
    request.body = body;
    request.answer_max = kAnswerMax;
    return request;
}

SinkFailure kinesis_failure(const HttpResponse& response, Nanoseconds wall) {
    std::string code;
    std::string text = "HTTP " + std::to_string(response.status);
    simdjson::dom::parser parser;
    simdjson::dom::element answer;
    if (parser.parse(response.body).get(answer) == simdjson::SUCCESS) {
        std::string_view type = text_of(answer, "__type");
        type.remove_prefix(std::min(type.rfind('#') + 1, type.size()));
        code = type;
        std::string_view message = text_of(answer, "message");
        if (message.empty()) message = text_of(answer, "Message");
        if (!code.empty()) text += ' ' + excerpt(code);
        if (!message.empty()) text += ": " + excerpt(message);
    } else if (!response.body.empty()) {
        text += ": " + excerpt(response.body);
    }
    return {class_of(response.status, code), std::move(text), retry_after(response, wall), false};
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
        outcome = SinkFailure{class_of(500, code), excerpt(code), std::nullopt, false};
        if (const std::string_view message = text_of(record, "ErrorMessage"); !message.empty())
            outcome->message += ": " + excerpt(message);
    }
    return outcomes;
}

}  // namespace penstock::sinks

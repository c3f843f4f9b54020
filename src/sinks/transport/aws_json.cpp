#include "sinks/transport/aws_json.h"

#include "sinks/transport/digest.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::sinks {
namespace {

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
constexpr std::array<std::string_view, 4> kPassing{
    "InternalFailure", "InternalFailureException", "InternalServerError", "ServiceUnavailable"
};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& list, std::string_view code) {
    return std::find(list.begin(), list.end(), code) != list.end();
}

}  // namespace

FailureClass class_of_aws_error(int status, std::string_view code) {
    if (among(kThrottling, code)) return FailureClass::throttled;
    if (among(kDenied, code)) return FailureClass::credentials;
    if (among(kPassing, code)) return FailureClass::transient;
    return class_of_status(status);
}

AwsJson::AwsJson(
    const AwsService& service,
    const std::string& endpoint,
    const std::string& region,
    const CredentialsConfig& credentials,
    const Clock& clock
)
    : service_(service),
      endpoint_(Url::parse(endpoint).value()),
      credentials_(credentials, config::process_environment()),
      signer_(region, service.name),
      clock_(clock) {}

Result<HttpRequest> AwsJson::request(
    std::string_view action, std::string_view body, std::size_t answer_max
) {
    PS_TRY(const AwsCredentials who, credentials_.get());
    const std::string host = endpoint_.authority();
    const AwsRequest to_sign{
        "POST",
        host,
        "/",
        {},
        {{"content-type", "application/x-amz-json-" + service_.json},
         {"x-amz-target", service_.target + '.' + std::string(action)}},
        hex(sha256(body))
    };
    HttpRequest request;
    request.method = "POST";
    request.url = endpoint_.origin() + "/";
    request.headers = signer_.sign(to_sign, who, clock_.wall());
    request.body = body;
    request.answer_max = answer_max;
    return request;
}

AwsError aws_error(const HttpResponse& response) {
    AwsError error;
    simdjson::dom::parser parser;
    simdjson::dom::element answer;
    if (parser.parse(response.body).get(answer) != simdjson::SUCCESS) return error;
    const auto text_of = [&answer](const char* name) {
        std::string_view text;
        return answer[name].get_string().get(text) == simdjson::SUCCESS ? text : std::string_view();
    };
    std::string_view type = text_of("__type");
    type.remove_prefix(std::min(type.rfind('#') + 1, type.size()));
    error.code = type;
    std::string_view message = text_of("message");
    if (message.empty()) message = text_of("Message");
    error.message = message;
    return error;
}

SinkFailure aws_failure(const HttpResponse& response, Nanoseconds wall) {
    const AwsError error = aws_error(response);
    SinkFailure failure = failure_of(response, wall);
    failure.kind = class_of_aws_error(response.status, error.code);
    if (error.code.empty() && error.message.empty()) return failure;
    failure.message = "HTTP " + std::to_string(response.status);
    if (!error.code.empty()) failure.message += ' ' + excerpt(error.code);
    if (!error.message.empty()) failure.message += ": " + excerpt(error.message);
    return failure;
}

/// A user that may only write hears that it may not ask, which is answer enough.
Status aws_may_write(const HttpResponse& response, Nanoseconds wall) {
    if (response.success()) return {};
    if (aws_error(response).code == "AccessDeniedException") return {};
    SinkFailure failure = aws_failure(response, wall);
    const bool denied = failure.kind == FailureClass::credentials;
    return Error{denied ? Errc::denied : Errc::unavailable, std::move(failure.message)};
}

}  // namespace penstock::sinks

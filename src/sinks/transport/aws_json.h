#pragma once

#include "penstock/clock.h"
#include "penstock/result.h"
#include "penstock/sink.h"
#include "sinks/transport/credentials.h"
#include "sinks/transport/http_client.h"
#include "sinks/transport/sigv4.h"
#include "sinks/transport/url.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock::sinks {

/// A service of Amazon that speaks JSON over HTTP.
struct AwsService {
    std::string name;    // that requests are signed for
    std::string target;  // version and name, in front of the action
    std::string json;    // version of the protocol: 1.0 or 1.1
};

/// Turns calls of such a service into signed requests, with the credentials as they are at this
/// moment. Source: Smithy, "AWS JSON 1.0 protocol" and "AWS JSON 1.1 protocol".
/// Threads: owner.
class AwsJson {
public:
    /// Precondition: the endpoint is a URL.
    AwsJson(
        const AwsService& service,
        const std::string& endpoint,
        const std::string& region,
        const CredentialsConfig& credentials,
        const Clock& clock
    );

    /// `body` must live until the answer. Errors: denied, when there are no credentials.
    [[nodiscard]] Result<HttpRequest> request(
        std::string_view action, std::string_view body, std::size_t answer_max
    );

private:
    AwsService service_;
    Url endpoint_;
    CredentialsSource credentials_;
    Sigv4 signer_;
    const Clock& clock_;
};

/// What an answer that is no success says; empty where it does not.
struct AwsError {
    std::string code;  // without its namespace: ThrottlingException
    std::string message;
};
[[nodiscard]] AwsError aws_error(const HttpResponse& response);

/// What such an answer means to a runner.
[[nodiscard]] SinkFailure aws_failure(const HttpResponse& response, Nanoseconds wall);
/// The same of a code, and where that is not known of the status beside it.
[[nodiscard]] FailureClass class_of_aws_error(int status, std::string_view code);

/// What the answer to a harmless question, asked as a probe, says about the credentials and the
/// thing asked for. Errors: denied, unavailable.
[[nodiscard]] Status aws_may_write(const HttpResponse& response, Nanoseconds wall);

}  // namespace penstock::sinks

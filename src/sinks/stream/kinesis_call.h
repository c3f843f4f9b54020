#pragma once

#include "penstock/clock.h"
#include "penstock/sink.h"
#include "sinks/stream/kinesis_config.h"
#include "sinks/transport/credentials.h"
#include "sinks/transport/http_client.h"
#include "sinks/transport/sigv4.h"
#include "sinks/transport/url.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// Turns calls into signed requests, with the credentials as they are at this moment.
/// Source: Amazon Kinesis Data Streams API reference, 2013-12-02 (JSON 1.1).
/// Threads: owner.
class KinesisSigner {
public:
    /// Precondition: the endpoint is a URL.
    KinesisSigner(const KinesisConfig& config, const Clock& clock);

    /// `body` must live until the answer. Errors: denied, when there are no credentials.
    [[nodiscard]] Result<HttpRequest> request(std::string_view action, std::string_view body);

private:
    Url endpoint_;
    CredentialsSource credentials_;
    Sigv4 signer_;
    const Clock& clock_;
};

/// What an answer that is no success means to a runner.
[[nodiscard]] SinkFailure kinesis_failure(const HttpResponse& response, Nanoseconds wall);

/// What became of the records of one PutRecords: for each, in order, nothing (stored) or why not.
/// Errors: malformed, when the answer does not tell about exactly `count` records.
[[nodiscard]] Result<std::vector<std::optional<SinkFailure>>> put_outcomes(
    std::string_view body, std::size_t count
);

}  // namespace penstock::sinks

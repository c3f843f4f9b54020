#pragma once

#include "penstock/result.h"
#include "penstock/sink.h"
#include "sinks/archive/config.h"
#include "sinks/transport/credentials.h"
#include "sinks/transport/http_client.h"
#include "sinks/transport/sigv4.h"
#include "sinks/transport/url.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks {

/// Where the SHA-256 of an object stands beside it, in lower-case hex.
constexpr std::string_view kDigestHeader = "x-amz-meta-penstock-sha256";

/// One call to a bucket, before it is signed.
struct S3Call {
    std::string method;
    std::string key;  // empty: the bucket itself
    std::vector<std::pair<std::string, std::string>> query;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::string_view body;                                     // must live until the answer
    std::string body_sha256;                                   // lower-case hex; empty: of no body
};

/// Turns calls into signed requests: address, path or host style, credentials as they are at this
/// moment. Threads: owner.
class S3Signer {
public:
    /// Precondition: the endpoint is a URL.
    S3Signer(const S3StoreConfig& config, const Clock& clock);

    /// Errors: denied, when there are no credentials.
    [[nodiscard]] Result<HttpRequest> request(const S3Call& call);

private:
    Url endpoint_;
    std::string bucket_path_;  // "" or "/bucket"
    CredentialsSource credentials_;
    Sigv4 signer_;
    const Clock& clock_;
};

/// What an S3 service says when it does not say yes. Source: Amazon S3 API reference, "Error
/// responses".
struct S3Error {
    std::string code;  // "NoSuchBucket"; empty when the body holds none
    std::string message;
};

/// The error of an answer; also of a 200 whose body is an error (a long CompleteMultipartUpload
/// ends so).
[[nodiscard]] std::optional<S3Error> s3_error(const HttpResponse& response);

/// What that means to the runner, with a sentence for the operator.
[[nodiscard]] SinkFailure s3_failure(
    const HttpResponse& response, const S3Error& error, std::string_view action, Nanoseconds wall
);

/// The texts of an element, wherever it stands, with XML's escapes undone. Bound: the body's 64
/// KiB.
[[nodiscard]] std::vector<std::string> xml_texts(std::string_view xml, std::string_view element);
void append_xml_escaped(std::string_view text, std::string& out);

}  // namespace penstock::sinks

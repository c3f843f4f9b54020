#pragma once

#include "config/secret.h"
#include "penstock/clock.h"
#include "sinks/transport/digest.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks {

/// Who signs. An empty session token is none.
/// Threads: immutable.
struct AwsCredentials {
    std::string access_key;
    Secret secret_key;
    Secret session_token;
};

/// What is signed. `path` and `query` are the bytes that go over the wire: encode them first
/// (url.h).
struct AwsRequest {
    std::string_view method;
    std::string_view host;   // the value of the Host header
    std::string_view path;   // percent-encoded, begins with '/'
    std::string_view query;  // as encode_query() makes it
    /// Further headers to sign, names in lower case, in any order, each once.
    std::vector<std::pair<std::string, std::string>> headers;
    std::string payload_sha256;  // lower-case hex
};

/// Signs requests with AWS Signature Version 4, the whole body's SHA-256 included.
/// Source: AWS General Reference, "Signature Version 4 signing process"; for S3 the path is encoded
/// once. Threads: owner.
class Sigv4 {
public:
    Sigv4(std::string region, std::string service);

    /// The header lines to add to the request: those of `request.headers`, x-amz-content-sha256,
    /// x-amz-date, x-amz-security-token when there is one, and Authorization. Host is left to the
    /// HTTP client.
    [[nodiscard]] std::vector<std::string> sign(
        const AwsRequest& request, const AwsCredentials& who, Nanoseconds wall
    );

private:
    const Sha256Digest& key_for(std::string_view day, const Secret& secret);

    std::string region_;
    std::string service_;
    // The signing key of a day is derived once.
    std::string key_day_;
    Secret key_secret_;
    Sha256Digest key_{};
};

}  // namespace penstock::sinks

#include "sinks/archive/s3_call.h"

#include "sinks/transport/digest.h"

#include <algorithm>
#include <array>

namespace penstock::sinks {

namespace {

constexpr std::string_view kNoBody =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Entity {
    std::string_view code;
    char text;
};
constexpr std::array<Entity, 5> kEntities{
    Entity{"&amp;", '&'},
    Entity{"&lt;", '<'},
    Entity{"&gt;", '>'},
    Entity{"&quot;", '"'},
    Entity{"&apos;", '\''}
};

std::string xml_unescaped(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto entity =
            std::find_if(kEntities.begin(), kEntities.end(), [text](const Entity& e) {
                return text.starts_with(e.code);
            });
        const bool numbered = text.starts_with("&#34;");
        out += numbered ? '"' : entity == kEntities.end() ? text.front() : entity->text;
        text.remove_prefix(numbered ? 5 : entity == kEntities.end() ? 1 : entity->code.size());
    }
    return out;
}

/// Codes that say: these keys, or what they may do, are wrong.
constexpr std::array<std::string_view, 9> kDenied{
    "AccessDenied",
    "AccountProblem",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidSecurity",
    "InvalidToken",
    "NotSignedUp",
    "SignatureDoesNotMatch",
    "XAdminUserNotFound"
};
/// Codes with a status that would say otherwise, of what passes.
constexpr std::array<std::string_view, 7> kPassing{
    "BadDigest",
    "IncompleteBody",
    "InternalError",
    "NoSuchUpload",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "XAmzContentSHA256Mismatch"
};
constexpr std::array<std::string_view, 5> kThrottling{
    "SlowDown", "ServiceUnavailable", "Throttling", "ThrottlingException", "RequestLimitExceeded"
};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& list, std::string_view code) {
    return std::find(list.begin(), list.end(), code) != list.end();
}

FailureClass class_of(int status, std::string_view code) {
    if (among(kPassing, code)) return FailureClass::transient;
    if (among(kThrottling, code)) return FailureClass::throttled;
    if (among(kDenied, code)) return FailureClass::credentials;
    if (status == 401 || status == 403) return FailureClass::credentials;
    if (status == 429 || status == 503) return FailureClass::throttled;
    // Every 2xx here is one that came with an error in it, or without what it must hold.
    if (status == 408 || status == 409 || status >= 500 || status < 300)
        return FailureClass::transient;
    return FailureClass::configuration;
}

}  // namespace

S3Signer::S3Signer(const S3StoreConfig& config, const Clock& clock)
    : endpoint_(Url::parse(config.endpoint).value()),
      credentials_(config.credentials, config::process_environment()),
      signer_(config.region, "s3"),
      clock_(clock) {
    if (config.path_style) {
        bucket_path_ = '/' + config.bucket;
    } else {
        endpoint_.host = config.bucket + '.' + endpoint_.host;
    }
}

Result<HttpRequest> S3Signer::request(const S3Call& call) {
    PS_TRY(const AwsCredentials who, credentials_.get());
    std::string path = bucket_path_ + '/';
    append_encoded_path(path, call.key);
    const std::string query = encode_query(call.query);
    const std::string host = endpoint_.authority();
    const AwsRequest to_sign{
        call.method,
        host,
        path,
        query,
        call.headers,
        call.body_sha256.empty() ? std::string(kNoBody) : call.body_sha256
    };
    HttpRequest request;
    request.method = call.method;
    request.url = endpoint_.origin() + path + (query.empty() ? "" : '?' + query);
    request.headers = signer_.sign(to_sign, who, clock_.wall());
    request.body = call.body;
    return request;
}

std::vector<std::string> xml_texts(std::string_view xml, std::string_view element) {
    const std::string open = '<' + std::string(element) + '>';
    const std::string close = "</" + std::string(element) + '>';
    std::vector<std::string> texts;
    for (std::size_t at = 0; (at = xml.find(open, at)) != std::string_view::npos;) {
        at += open.size();
        const std::size_t end = xml.find(close, at);
        if (end == std::string_view::npos) break;
        texts.push_back(xml_unescaped(xml.substr(at, end - at)));
        at = end;
    }
    return texts;
}

void append_xml_escaped(std::string_view text, std::string& out) {
    for (const char c : text) {
        const auto entity = std::find_if(kEntities.begin(), kEntities.end(), [c](const Entity& e) {
            return e.text == c;
        });
        if (entity == kEntities.end()) {
            out += c;
        } else {
            out += entity->code;
        }
    }
}

std::optional<S3Error> s3_error(const HttpResponse& response) {
    const bool says_error = response.body.find("<Error>") != std::string::npos;
    if (response.success() && !says_error) return std::nullopt;
    S3Error error;
    if (!says_error) return error;
    const auto first = [&response](std::string_view element) {
        auto texts = xml_texts(response.body, element);
        return texts.empty() ? std::string() : std::move(texts.front());
    };
    error.code = first("Code");
    error.message = first("Message");
    return error;
}

SinkFailure s3_failure(
    const HttpResponse& response, const S3Error& error, std::string_view action, Nanoseconds wall
) {
    std::string text(action);
    text += ": HTTP status " + std::to_string(response.status);
    if (!error.code.empty()) text += ' ' + excerpt(error.code);
    if (!error.message.empty()) text += ' ' + excerpt(error.message);
    const std::string_view region = response.header("x-amz-bucket-region");
    if (response.status / 100 == 3 || error.code == "AuthorizationHeaderMalformed") {
        text += region.empty() ? "; is the region right?"
                               : "; the bucket is in region " + excerpt(region);
    }
    if (error.code == "RequestTimeTooSkewed") {
        text += "; this machine's clock and the server's differ too much (the server says " +
                excerpt(response.header("date")) + ')';
    }
    return {class_of(response.status, error.code), std::move(text), retry_after(response, wall)};
}

}  // namespace penstock::sinks

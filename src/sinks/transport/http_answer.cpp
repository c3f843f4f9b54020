#include "base/base64.h"
#include "base/text.h"
#include "sinks/transport/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <string>
#include <utility>

namespace penstock::sinks {

namespace {

constexpr std::int64_t kRetrySecondsMax = 24 * 3600;
constexpr std::size_t kExcerptMax = 300;

}  // namespace

SinkFailure failure_of(const Error& error) {
    const bool settings = error.code == Errc::denied || error.code == Errc::invalid_argument;
    return {
        settings ? FailureClass::configuration : FailureClass::transient,
        error.message,
        std::nullopt
    };
}

FailureClass class_of_status(int status) noexcept {
    if (status == 401 || status == 403 || status == 407) return FailureClass::credentials;
    if (status == 429 || status == 503) return FailureClass::throttled;
    if (status == 408 || status >= 500 || status < 400) return FailureClass::transient;
    return FailureClass::configuration;
}

SinkFailure failure_of(const HttpResponse& response, Nanoseconds wall) {
    std::string text = "HTTP " + std::to_string(response.status);
    if (!response.body.empty()) text += ": " + excerpt(response.body);
    return {class_of_status(response.status), std::move(text), retry_after(response, wall)};
}

std::string basic_authorization(const std::string& user, const Secret& password) {
    std::string pair = user + ':' + std::string(password.reveal());
    std::string value = "Basic ";
    append_base64(pair, value);
    wipe(pair);
    return value;
}

std::optional<Nanoseconds> retry_after(const HttpResponse& response, Nanoseconds wall) {
    const std::string value(response.header("retry-after"));
    if (value.empty()) return std::nullopt;
    auto seconds = text::parse_int(value);
    if (!seconds) {
        const std::time_t when = curl_getdate(value.c_str(), nullptr);
        if (when < 0) return std::nullopt;
        seconds = when - wall / kSecond;
    }
    return std::clamp<std::int64_t>(*seconds, 0, kRetrySecondsMax) * kSecond;
}

std::optional<Nanoseconds> date_of(const HttpResponse& response) {
    const std::string value(response.header("date"));
    const std::time_t when = value.empty() ? -1 : curl_getdate(value.c_str(), nullptr);
    if (when < 0) return std::nullopt;
    return when * kSecond;
}

std::string excerpt(std::string_view body) {
    std::string quoted;
    text::append_log_string(quoted, body, kExcerptMax);
    return quoted;
}

}  // namespace penstock::sinks

#include "sinks/series/write_request.h"

#include "sinks/transport/http_client.h"

#include <optional>
#include <utility>

namespace penstock::sinks {

namespace {

std::string precision_name(TimePrecision precision, bool version2) {
    switch (precision) {
        case TimePrecision::microseconds:
            return version2 ? "us" : "u";
        case TimePrecision::milliseconds:
            return "ms";
        case TimePrecision::seconds:
            return "s";
        case TimePrecision::nanoseconds:
            break;
    }
    return "ns";
}

std::optional<std::string> authorization(const LineProtocolConfig& config) {
    if (!config.token.empty()) return "Authorization: Token " + std::string(config.token.reveal());
    if (!config.bearer_token.empty())
        return "Authorization: Bearer " + std::string(config.bearer_token.reveal());
    if (config.user.empty()) return std::nullopt;
    return "Authorization: " + basic_authorization(config.user, config.password);
}

}  // namespace

std::string write_url(const LineProtocolConfig& config, Url url) {
    if (url.path == "/") url.path = "/write";
    const bool version2 = url.path.find("/api/v2/") != std::string::npos;
    std::vector<std::pair<std::string, std::string>> more;
    if (!config.database.empty()) more.emplace_back("db", config.database);
    if (!config.org.empty()) more.emplace_back("org", config.org);
    if (!config.bucket.empty()) more.emplace_back("bucket", config.bucket);
    if (('&' + url.query).find("&precision=") == std::string::npos) {
        more.emplace_back("precision", precision_name(config.precision, version2));
    }
    const std::string query = encode_query(std::move(more));
    if (!url.query.empty() && !query.empty()) url.query += '&';
    url.query += query;
    return url.text();
}

std::vector<std::string> write_headers(const LineProtocolConfig& config, bool gzipped) {
    std::vector<std::string> headers{"Content-Type: text/plain; charset=utf-8"};
    if (gzipped) headers.emplace_back("Content-Encoding: gzip");
    if (auto line = authorization(config)) headers.push_back(*std::move(line));
    return headers;
}

}  // namespace penstock::sinks

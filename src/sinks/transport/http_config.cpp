#include "sinks/transport/http_client.h"
#include "sinks/transport/url.h"

namespace penstock::sinks {

void check_use_tls(
    bool use_tls, const TlsConfig& tls, const config::Origin& where, config::Problems& problems
) {
    if (use_tls || (tls.ca.empty() && tls.certificate.empty())) return;
    problems.error(where.at("tls"), "'tls' needs 'use_tls: true'");
}

}  // namespace penstock::sinks

namespace penstock::config {

using sinks::HttpConfig;
using sinks::TlsConfig;

Table<TlsConfig> Fields<TlsConfig>::table() {
    return {
        field(
            "ca", &TlsConfig::ca, "File of the certificates to trust; the system's when not set."
        ),
        field(
            "certificate",
            &TlsConfig::certificate,
            "File of a client certificate with its chain (PEM)."
        ),
        field("key", &TlsConfig::key, "File of the client certificate's key (PEM)."),
    };
}

void Fields<TlsConfig>::check(const TlsConfig& tls, const Origin& where, Problems& problems) {
    if (tls.certificate.empty() != tls.key.empty()) {
        problems.error(where.here(), "certificate and key must be set together");
    }
}

Table<HttpConfig> Fields<HttpConfig>::table() {
    return {
        field("tls", &HttpConfig::tls, "Certificates of an https endpoint."),
        field(
            "connect_timeout",
            &HttpConfig::connect_timeout,
            "Longest wait for a connection.",
            between(Duration(std::chrono::milliseconds(10)), Duration(std::chrono::minutes(5)))
        ),
        field(
            "timeout",
            &HttpConfig::timeout,
            "Longest wait for an answer; a long body gets a second more for each 64KiB.",
            between(Duration(std::chrono::milliseconds(100)), Duration(std::chrono::hours(1)))
        ),
        field(
            "proxy",
            &HttpConfig::proxy,
            "URL of an HTTP proxy. None when not set, whatever the environment says.",
            satisfies<std::string>(
                "empty or an http URL",
                [](const std::string& text) { return text.empty() || sinks::Url::parse(text).ok(); }
            )
        ),
    };
}

}  // namespace penstock::config

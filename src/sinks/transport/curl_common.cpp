#include "sinks/transport/curl_common.h"

#include <algorithm>

namespace penstock::sinks::curl {

void init_library() {
    static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
    static_cast<void>(done);  // a failure shows again when handles are made
}

long milliseconds(Duration span) {
    return static_cast<long>(std::max<std::int64_t>(span.count() / kMillisecond, 1));
}

int poll_milliseconds(Nanoseconds wait) {
    return static_cast<int>(std::clamp<Nanoseconds>(wait / kMillisecond, 1, 3'600'000));
}

void set_tls(CURL* handle, const TlsConfig& tls) {
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
    if (!tls.ca.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, tls.ca.c_str());
    if (!tls.certificate.empty())
        curl_easy_setopt(handle, CURLOPT_SSLCERT, tls.certificate.c_str());
    if (!tls.key.empty()) curl_easy_setopt(handle, CURLOPT_SSLKEY, tls.key.c_str());
}

std::string trusted_file() {
    const curl_version_info_data* const info = curl_version_info(CURLVERSION_NOW);
    return info->cainfo == nullptr ? "" : info->cainfo;
}

Errc code_of(CURLcode code) {
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
            return Errc::timed_out;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_ENGINE_NOTFOUND:
            return Errc::denied;
        default:
            return Errc::unavailable;
    }
}

}  // namespace penstock::sinks::curl

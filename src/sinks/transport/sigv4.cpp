#include "sinks/transport/sigv4.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace penstock::sinks {

namespace {

namespace chrono = std::chrono;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

/// 20150830T123600Z
std::string basic_time(Nanoseconds wall) {
    const auto when = chrono::floor<chrono::seconds>(
        chrono::sys_time<chrono::nanoseconds>(chrono::nanoseconds(wall))
    );
    const auto midnight = chrono::floor<chrono::days>(when);
    const chrono::year_month_day day(midnight);
    const chrono::hh_mm_ss<chrono::seconds> time(when - midnight);
    return fmt::format(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        int{day.year()},
        unsigned{day.month()},
        unsigned{day.day()},
        time.hours().count(),
        time.minutes().count(),
        time.seconds().count()
    );
}

/// Without blanks around it, and with one blank for several.
std::string folded(std::string_view value) {
    std::string out;
    for (const char c : value) {
        const bool blank = c == ' ' || c == '\t';
        if (!blank) out += c;
        if (blank && !out.empty() && out.back() != ' ') out += ' ';
    }
    if (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

}  // namespace

Sigv4::Sigv4(std::string region, std::string service)
    : region_(std::move(region)), service_(std::move(service)) {}

const Sha256Digest& Sigv4::key_for(std::string_view day, const Secret& secret) {
    if (key_day_ == day && key_secret_ == secret) return key_;
    std::string start = "AWS4" + std::string(secret.reveal());
    Sha256Digest key = hmac_sha256(start, day);
    wipe(start);
    for (const std::string_view step :
         {std::string_view(region_), std::string_view(service_), std::string_view("aws4_request")
         }) {
        key = hmac_sha256(bytes_of(key), step);
    }
    key_ = key;
    key_day_ = day;
    key_secret_ = secret;
    return key_;
}

std::vector<std::string> Sigv4::sign(
    const AwsRequest& request, const AwsCredentials& who, Nanoseconds wall
) {
    const std::string time = basic_time(wall);
    const std::string day = time.substr(0, 8);
    auto headers = request.headers;
    headers.emplace_back("x-amz-content-sha256", request.payload_sha256);
    headers.emplace_back("x-amz-date", time);
    if (!who.session_token.empty()) {
        headers.emplace_back("x-amz-security-token", who.session_token.reveal());
    }
    std::vector<std::string> lines;
    for (const auto& [name, value] : headers)
        lines.push_back(name + ": " + value);

    headers.emplace_back("host", request.host);
    std::sort(headers.begin(), headers.end());
    std::string canonical =
        fmt::format("{}\n{}\n{}\n", request.method, request.path, request.query);
    std::string names;
    for (const auto& [name, value] : headers) {
        canonical += fmt::format("{}:{}\n", name, folded(value));
        if (!names.empty()) names += ';';
        names += name;
    }
    canonical += '\n' + names + '\n' + request.payload_sha256;

    const std::string scope = fmt::format("{}/{}/{}/aws4_request", day, region_, service_);
    const std::string to_sign =
        fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, scope, hex(sha256(canonical)));
    const Sha256Digest signature = hmac_sha256(bytes_of(key_for(day, who.secret_key)), to_sign);
    lines.push_back(fmt::format(
        "Authorization: {} Credential={}/{}, SignedHeaders={}, Signature={}",
        kAlgorithm,
        who.access_key,
        scope,
        names,
        hex(signature)
    ));
    return lines;
}

}  // namespace penstock::sinks

#include "app/health.h"

#include "app/cli.h"
#include "sinks/transport/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <string_view>

namespace penstock::app {
namespace {

constexpr std::size_t kSaidMax = 4096;

/// Whoever answers at that port: no line breaks, nothing that moves a terminal's cursor.
std::string one_line(std::string_view body) {
    std::string line(body.substr(0, kSaidMax));
    const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
    std::replace_if(line.begin(), line.end(), control, ' ');
    while (line.ends_with(' '))
        line.pop_back();
    return line;
}

}  // namespace

std::string admin_url(const api::Address& admin, std::string_view path) {
    api::Address asked = admin;
    if (asked.host == "0.0.0.0") asked.host = "127.0.0.1";
    if (asked.host == "::") asked.host = "::1";
    return fmt::format("http://{}{}", asked.text(), path);
}

std::string health_url(const api::Address& admin, bool live) {
    return admin_url(admin, live ? "/live" : "/ready");
}

int ask_health(const HealthOptions& options, std::ostream& say) {
    const auto admin = api::Address::parse(options.admin);
    if (!admin) {
        say << "penstock: --admin " << admin.error().message << '\n';
        return kExitUsage;
    }
    const Duration bound = std::chrono::seconds(options.timeout_seconds);
    sinks::HttpConfig config;
    config.connect_timeout = bound;
    config.timeout = bound;
    const auto answer = sinks::HttpClient(config).call(
        {.method = "GET", .url = health_url(*admin, options.live), .headers = {}, .body = {}}
    );
    if (!answer) {
        say << "penstock: no answer: " << answer.error().message << '\n';
        return kExitFailed;
    }
    say << fmt::format("{} {}\n", answer->status, one_line(answer->body));
    return answer->success() ? kExitOk : kExitFailed;
}

}  // namespace penstock::app

#include "api/config.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <charconv>

namespace penstock::api {

Result<Address> Address::parse(std::string_view text) {
    const Error wrong{
        Errc::invalid_argument, "must be ADDRESS:PORT, such as 127.0.0.1:9850 or [::1]:9850"
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return wrong;
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    const bool six = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (six) host = host.substr(1, host.size() - 2);

    Address made{std::string(host == "localhost" ? "127.0.0.1" : host), 0};
    const auto* const end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, made.port);
    if (digits.empty() || parsed.ec != std::errc{} || parsed.ptr != end) return wrong;
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    if (::inet_pton(six ? AF_INET6 : AF_INET, made.host.c_str(), bytes.data()) != 1) return wrong;
    return made;
}

std::string Address::text() const {
    const bool six = host.find(':') != std::string::npos;
    return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool Address::loopback() const noexcept {
    in6_addr six{};
    if (::inet_pton(AF_INET6, host.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six) != 0;
    return host.starts_with("127.");
}

}  // namespace penstock::api

namespace penstock::config {

using api::Config;
using std::chrono::hours;
using std::chrono::milliseconds;

Table<Config> Fields<Config>::table() {
    const auto times = between(Duration(milliseconds(100)), Duration(hours(1)));
    return {
        field("listen", &Config::listen, "Address and port. Beyond loopback a token is demanded."),
        field(
            "token",
            &Config::token,
            "What operators and Prometheus bring: as bearer token, or as password of any user. A "
            "reference: `file:/path`, `env:NAME`, `credential:NAME`."
        ),
        field(
            "connections",
            &Config::connections,
            "Connections at a time; more are closed at once.",
            between(1U, 65'536U)
        ),
        field("workers", &Config::workers, "Threads for queries.", between(1U, 64U)),
        field(
            "waiting_queries",
            &Config::waiting_queries,
            "Queries that wait for a thread; more are answered with 503.",
            between(1U, 65'536U)
        ),
        field(
            "tail_clients",
            &Config::tail_clients,
            "Clients of /v1/tail at a time; more are answered with 503.",
            between(1U, 1024U)
        ),
        field(
            "tail_buffer",
            &Config::tail_buffer,
            "Bytes that wait for a client of /v1/tail; beyond it the client is cut.",
            between(ByteCount{4096}, ByteCount{256 << 20})
        ),
        field(
            "request_timeout", &Config::request_timeout, "Longest time for a request head.", times
        ),
        field("idle_timeout", &Config::idle_timeout, "Longest pause between two requests.", times),
    };
}

void Fields<Config>::check(const Config& config, const Origin& where, Problems& problems) {
    if (!config.listen.loopback() && config.token.empty())
        problems.error(
            where.at("listen"),
            "an admin listener beyond loopback needs a token: set `token`, or listen on 127.0.0.1"
        );
    if (!config.token.empty() && config.token.size() < 16)
        problems.error(where.at("token"), "must have at least 16 bytes");
}

}  // namespace penstock::config

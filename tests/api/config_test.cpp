#include "api/config.h"

#include <catch2/catch.hpp>

namespace penstock::api {
namespace {

std::string problems_of(const std::string& yaml) {
    config::Problems problems;
    static_cast<void>(config::read<Config>(yaml, "p.yaml", problems));
    return problems.text();
}

}  // namespace

TEST_CASE("api config: beyond loopback a token is needed", "[api][config]") {
    CHECK(problems_of("listen: \"127.0.0.1:9850\"").empty());
    CHECK(problems_of("listen: \"[::1]:9850\"").empty());
    CHECK(problems_of("listen: \"0.0.0.0:9850\"").find("needs a token") != std::string::npos);
    CHECK(problems_of("listen: \"0.0.0.0:9850\"\ntoken: \"0123456789abcdef\"").empty());
    CHECK(problems_of("token: short").find("at least 16 bytes") != std::string::npos);
}

TEST_CASE("api config: addresses", "[api][config]") {
    CHECK(Address::parse("localhost:1")->text() == "127.0.0.1:1");
    CHECK(Address::parse("[::1]:65535")->loopback());
    CHECK_FALSE(Address::parse("0.0.0.0:1")->loopback());
    for (const auto* bad :
         {"", ":1", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "::1:1", "name:1", "1.2.3.4:-1"})
        CHECK_FALSE(Address::parse(bad).ok());
}

}  // namespace penstock::api

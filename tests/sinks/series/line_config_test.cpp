#include "sinks/series/config.h"

#include <catch2/catch.hpp>

using namespace penstock;
using namespace penstock::sinks;

namespace {

std::string problems_of(const std::string& text) {
    config::Problems problems;
    static_cast<void>(config::read<LineProtocolConfig>(text, "t.yaml", problems));
    return problems.text();
}

}  // namespace

TEST_CASE("line config: an endpoint is enough, tags may be chosen", "[sinks][series][config]") {
    config::Problems problems;
    const auto config = config::read<LineProtocolConfig>(
        "endpoint: \"http://127.0.0.1:8428/write\"\ntags: [deviceId, site]\nprecision: ms\n",
        "t.yaml",
        problems
    );
    INFO(problems.text());
    REQUIRE(config);
    CHECK(config->tags == std::vector<std::string>{"deviceId", "site"});
    CHECK(config->precision == TimePrecision::milliseconds);
    CHECK(config->settle == "auto");
}

TEST_CASE("line config: what cannot work is said where it stands", "[sinks][series][config]") {
    const auto with = [](const std::string& more) {
        return problems_of("endpoint: \"http://h\"\n" + more + '\n');
    };
    CHECK(with("settle: 20s").empty());
    CHECK(with("user: a\npassword: b").empty());
    CHECK_THAT(with("settle: soon"), Catch::Contains("settle"));
    CHECK_THAT(with("user: a"), Catch::Contains("set together"));
    CHECK_THAT(with("user: a\npassword: b\ntoken: c"), Catch::Contains("only one"));
    CHECK_THAT(with("database: a\nbucket: b"), Catch::Contains("exclude"));
    CHECK_THAT(with("timeout: 1us"), Catch::Contains("timeout"));
    CHECK_THAT(with("tls: { certificate: a }"), Catch::Contains("set together"));
    CHECK_THAT(problems_of("endpoint: \"http://u:p@h\"\n"), Catch::Contains("endpoint"));
    CHECK_THAT(problems_of("tags: []\n"), Catch::Contains("endpoint"));
}

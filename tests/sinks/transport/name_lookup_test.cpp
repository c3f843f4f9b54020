#include "sinks/transport/name_lookup.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace penstock::sinks {
namespace {

TEST_CASE("name look-up: a numeric address is itself, at once", "[sinks][transport]") {
    const auto found = NameLookup("127.0.0.1").poll(0);
    REQUIRE(found);
    REQUIRE(found->ok());
    CHECK(found->value() == std::vector<std::string>{"127.0.0.1"});
    REQUIRE(NameLookup("::1").poll(0));
}

TEST_CASE("name look-up: localhost is this machine", "[sinks][transport]") {
    NameLookup lookup("localhost");
    const auto found = lookup.poll(60 * kSecond);
    REQUIRE(found);
    REQUIRE(found->ok());
    const auto& all = found->value();
    CHECK(std::any_of(all.begin(), all.end(), [](const std::string& address) {
        return address == "127.0.0.1" || address == "::1";
    }));
}

TEST_CASE("name look-up: what has no address is unavailable", "[sinks][transport]") {
    NameLookup lookup("no-such-host.invalid");
    const auto found = lookup.poll(60 * kSecond);
    REQUIRE(found);
    REQUIRE_FALSE(found->ok());
    CHECK(found->error().code == Errc::unavailable);
}

}  // namespace
}  // namespace penstock::sinks

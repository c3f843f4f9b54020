#include "sinks/transport/host_port.h"

#include <catch2/catch.hpp>

namespace penstock::sinks {
namespace {

TEST_CASE("host and port: names, addresses, and a port of its own", "[sinks][transport]") {
    const auto at = HostPort::parse("db.example.org:6000", 5432);
    REQUIRE(at);
    CHECK(at->host == "db.example.org");
    CHECK(at->port == 6000);
    CHECK(HostPort::parse("db", 5432)->port == 5432);
    const auto six = HostPort::parse("[::1]", 5432);
    REQUIRE(six);
    CHECK(six->bare_host() == "::1");
    CHECK(six->port == 5432);
    CHECK(HostPort::parse("[::1]:7", 5432)->port == 7);
}

TEST_CASE("host and port: what is no address is none", "[sinks][transport]") {
    for (const char* text :
         {"",
          "http://db",
          "db/",
          "db/x",
          "db:",
          "db:0",
          "db:70000",
          "db:a",
          "user@db",
          "a b",
          "db?x"}) {
        CAPTURE(text);
        CHECK_FALSE(HostPort::parse(text, 5432));
    }
}

}  // namespace
}  // namespace penstock::sinks

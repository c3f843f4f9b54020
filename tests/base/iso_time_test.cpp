#include "base/iso_time.h"

#include <catch2/catch.hpp>

namespace penstock {
namespace {

std::string printed(Nanoseconds wall) {
    std::string out;
    append_iso_time(wall, out);
    return out;
}

}  // namespace

TEST_CASE("iso time: as many digits of a second as needed", "[base][time]") {
    CHECK(printed(0) == "1970-01-01T00:00:00.000Z");
    CHECK(printed(1'709'164'800 * kSecond + 5 * kMillisecond) == "2024-02-29T00:00:00.005Z");
    CHECK(printed(1'001'000) == "1970-01-01T00:00:00.001001Z");
    CHECK(printed(1) == "1970-01-01T00:00:00.000000001Z");
    CHECK(printed(-1) == "1969-12-31T23:59:59.999999999Z");
    CHECK(printed(INT64_MAX) == "2262-04-11T23:47:16.854775807Z");
    CHECK(printed(INT64_MIN) == "1677-09-21T00:12:43.145224192Z");
}

TEST_CASE("iso time: reads dates, offsets and fractions", "[base][time]") {
    CHECK(parse_iso_time("1970-01-01") == 0);
    CHECK(parse_iso_time("1970-01-01T00:00:01Z") == kSecond);
    CHECK(parse_iso_time("1970-01-01 00:01") == 60 * kSecond);
    CHECK(parse_iso_time("1970-01-01t01:00:00.5+01:00") == 500 * kMillisecond);
    CHECK(parse_iso_time("1969-12-31T23:00:00-0100") == 0);
    CHECK(parse_iso_time("1970-01-01T00:00:00.1234567891Z") == 123'456'789);
    CHECK(parse_iso_time("2016-12-31T23:59:60Z") == parse_iso_time("2017-01-01T00:00:00Z"));
}

TEST_CASE("iso time: what is no time is nothing", "[base][time]") {
    for (const auto* bad :
         {"",
          "x",
          "1970",
          "1970-13-01",
          "1970-02-30",
          "1970-01-01T",
          "1970-01-01T24:00Z",
          "1970-01-01T00:00:00.Z",
          "1970-01-01T00:00:00Zx",
          "1970-01-01T00:00:00+1",
          "2262-12-01",
          "1970-01-01T00:00:61Z",
          "-970-01-01"})
        CHECK_FALSE(parse_iso_time(bad));
}

TEST_CASE("iso time: what is printed reads back", "[base][time]") {
    const Nanoseconds now = 1'767'323'045'678'000'000;
    for (const Nanoseconds wall : {Nanoseconds{0}, Nanoseconds{INT64_MAX}, Nanoseconds{-1}, now})
        CHECK(parse_iso_time(printed(wall)) == wall);
}

}  // namespace penstock

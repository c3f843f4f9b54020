#include "config/units.h"

#include <catch2/catch.hpp>

using namespace penstock;
using config::parse_byte_count;
using config::parse_duration;
using config::print;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST_CASE("units: sizes are numbers with a unit", "[config]") {
    CHECK(parse_byte_count("64MiB").value() == 64_MiB);
    CHECK(parse_byte_count("1.5GiB").value() == 1536_MiB);
    CHECK(parse_byte_count("10kB").value() == 10'000_B);
    CHECK(parse_byte_count("100B").value() == 100_B);
    CHECK(parse_byte_count("4 KiB").value() == 4_KiB);
    CHECK(parse_byte_count("0").value() == 0_B);
}

TEST_CASE("units: what is no size is refused", "[config]") {
    for (const char* text :
         {"",
          "64",
          "MiB",
          "64mib",
          "64MiB ",
          "-1MiB",
          "1_000B",
          "1.0001B",
          "1e3B",
          "99999999999TiB",
          "64MiBx",
          "0x10B",
          "1..5MiB",
          ".5MiB",
          "1MiB1KiB"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_byte_count(text).ok());
    }
}

TEST_CASE("units: spans are numbers with a unit, and may be added up", "[config]") {
    CHECK(parse_duration("2ms").value() == milliseconds(2));
    CHECK(parse_duration("1h30m").value() == minutes(90));
    CHECK(parse_duration("1.5s").value() == milliseconds(1500));
    CHECK(parse_duration("1d").value() == hours(24));
    CHECK(parse_duration("7us").value() == microseconds(7));
    CHECK(parse_duration("0").value() == seconds(0));
}

TEST_CASE("units: what is no span is refused", "[config]") {
    for (const char* text :
         {"", "30", "s", "-1s", "1y", "10sec", "0.1ns", "1s x", "293y", "110000d"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text).ok());
    }
}

TEST_CASE("units: what is printed reads back", "[config]") {
    for (const ByteCount bytes :
         {0_B, 1_B, 1000_B, 1023_B, 64_MiB, 1536_MiB, ByteCount{~0ULL >> 1U}}) {
        CHECK(parse_byte_count(print(bytes)).value() == bytes);
    }
    for (const Duration span :
         {Duration{0},
          Duration{nanoseconds(1)},
          Duration{seconds(90)},
          Duration{hours(24)},
          Duration{microseconds(1500)}}) {
        CHECK(parse_duration(print(span)).value() == span);
    }
    CHECK(print(64_MiB) == "64MiB");
    CHECK(print(Duration{seconds(90)}) == "90s");
    CHECK(print(Duration{hours(1)}) == "1h");
}

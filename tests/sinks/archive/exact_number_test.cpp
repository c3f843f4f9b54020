#include "sinks/archive/exact_number.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <string>

using penstock::sinks::exact_number;

TEST_CASE("exact number: what a double gives back digit by digit", "[sinks][archive][parquet]") {
    CHECK(exact_number("0") == 0.0);
    CHECK(exact_number("80") == 80.0);
    CHECK(exact_number("-36.65") == -36.65);
    CHECK(exact_number("1e300") == 1e300);
    CHECK(exact_number("0.1") == 0.1);
    CHECK(exact_number("0.30000000000000004") == 0.1 + 0.2);
    CHECK(exact_number("100000000000000000000000000") == 1e26);
    CHECK(exact_number("9007199254740993.000") == std::nullopt);  // 2^53 + 1
    CHECK(exact_number("9007199254740992") == 9007199254740992.0);
    CHECK(std::signbit(exact_number("-0.0").value()));
}

TEST_CASE("exact number: digits that a double does not hold", "[sinks][archive][parquet]") {
    CHECK_FALSE(exact_number("0.30000000000000001"));
    CHECK_FALSE(exact_number("3.14159265358979323846"));
    CHECK_FALSE(exact_number("12345678901234567890"));
    CHECK_FALSE(exact_number("1e-400"));
    CHECK_FALSE(exact_number("1e400"));
    CHECK_FALSE(exact_number("4.9406564584124654417e-324"));
    CHECK_FALSE(exact_number("x"));
    CHECK_FALSE(exact_number(""));
}

#include "sinks/rate.h"

#include <catch2/catch.hpp>

using namespace penstock;
using sinks::Rate;

TEST_CASE("rate: the mean of the last seconds, and nothing before there are two looks", "[sinks]") {
    Rate rate;
    CHECK(rate.per_second() == 0);
    rate.see(5 * kSecond, 1'000'000);  // what was counted before is not of now
    CHECK(rate.per_second() == 0);
    rate.see(5 * kSecond + kSecond / 2, 1'000'050);
    CHECK(rate.per_second() == Approx(100));
    for (std::int64_t s = 6; s <= 30; ++s)
        rate.see(s * kSecond, 1'000'100);
    CHECK(rate.per_second() == 0);
}

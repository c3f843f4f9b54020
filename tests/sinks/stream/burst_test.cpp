#include "sinks/stream/burst.h"

#include <catch2/catch.hpp>

namespace penstock::sinks {
namespace {

constexpr Burst::Bounds kBounds{2 * kMillisecond, 100, 10'000};

/// Puts records of `bytes` at `now` for as long as there is room, at most `most`.
std::size_t fill(
    Burst& burst,
    Nanoseconds now,
    InFlight::Ticket oldest,
    InFlight::Ticket& next,
    std::size_t bytes = 1,
    std::size_t most = 1000
) {
    std::size_t put = 0;
    for (; put < most && burst.room(now, oldest); ++put)
        burst.add(now, next++, oldest, bytes);
    return put;
}

}  // namespace

TEST_CASE("burst: a far side that confirms nothing gets one", "[sinks][kafka][T7]") {
    Burst burst(kBounds);
    InFlight::Ticket next = 0;
    SECTION("of as many records as it may have") {
        CHECK(fill(burst, kSecond, 0, next) == 100);
    }
    SECTION("of as many bytes") {
        CHECK(fill(burst, kSecond, 0, next, 2000) == 5);
    }
    SECTION("of what comes while it is open") {
        CHECK(fill(burst, kSecond, 0, next, 1, 30) == 30);
        CHECK(fill(burst, kSecond + kMillisecond, 0, next, 1, 30) == 30);
        CHECK(fill(burst, kSecond + 2 * kMillisecond, 0, next) == 0);
    }
    const InFlight::Ticket put = next;
    CHECK(fill(burst, kSecond * 60, put - 1, next) == 0);
}

TEST_CASE("burst: the next begins once all of it is confirmed", "[sinks][kafka]") {
    Burst burst(kBounds);
    InFlight::Ticket next = 0;
    fill(burst, kSecond, 0, next);
    CHECK(fill(burst, kSecond + 1, next, next) == 100);
    CHECK(fill(burst, kSecond + 2, next - 1, next) == 0);
    CHECK(fill(burst, kSecond + 3, next, next, 1, 10) == 10);
    CHECK(fill(burst, kSecond + 3, next - 10, next) == 90);
}

}  // namespace penstock::sinks

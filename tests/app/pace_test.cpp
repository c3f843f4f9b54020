#include "app/pace.h"

#include <catch2/catch.hpp>

namespace penstock::app {
namespace {

/// A shard that takes a steady flow and asks for its rest whenever it has nothing to do.
struct Flow {
    Pace pace{kMillisecond};
    std::size_t connections = 1000;
    Nanoseconds now = 5 * kSecond;
    double records = 0;

    /// After `time` with this many records a second, asked every `step`.
    Nanoseconds after(Nanoseconds time, double per_second, Nanoseconds step = kMillisecond) {
        Nanoseconds rest = 0;
        for (const Nanoseconds end = now + time; now < end; now += step) {
            records += per_second * static_cast<double>(step) / static_cast<double>(kSecond);
            rest = pace.rest(now + step, static_cast<std::uint64_t>(records), connections);
        }
        return rest;
    }
};

}  // namespace

TEST_CASE("a shard rests for the window where that gathers records") {
    Flow flow;
    CHECK(flow.after(100 * kMillisecond, 5'000) == kMillisecond);
    CHECK(flow.after(100 * kMillisecond, 30'000) == kMillisecond);
    // Asked far more often than once a window: at every wake-up.
    CHECK(flow.after(100 * kMillisecond, 5'000, kMillisecond / 20) == kMillisecond);
}

TEST_CASE("a shard with little to do waits for whatever comes") {
    Flow flow;
    CHECK(flow.after(100 * kMillisecond, 0) == 0);
    CHECK(flow.after(100 * kMillisecond, 500) == 0);
}

TEST_CASE("a shard stops resting soon after the flow ends") {
    Flow flow;
    REQUIRE(flow.after(100 * kMillisecond, 20'000) == kMillisecond);
    CHECK(flow.after(40 * kMillisecond, 0) == 0);
    REQUIRE(flow.after(100 * kMillisecond, 20'000) == kMillisecond);
    // A look after a long sleep counts for all of it.
    CHECK(flow.after(kSecond, 0, kSecond) == 0);
}

TEST_CASE("a shard does not rest where few connections wait for each acknowledgement") {
    Flow flow;
    flow.connections = 24;
    CHECK(flow.after(100 * kMillisecond, 8'000) == 0);
    CHECK(flow.after(100 * kMillisecond, 5'000) == kMillisecond);
    flow.connections = 1;
    CHECK(flow.after(100 * kMillisecond, 3'000) == 0);
}

TEST_CASE("a shard without a window never rests") {
    Flow flow;
    flow.pace = Pace(0);
    CHECK(flow.after(100 * kMillisecond, 20'000) == 0);
}

}  // namespace penstock::app

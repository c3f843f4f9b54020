#include "app/sim/device.h"

#include <catch2/catch.hpp>

#include <charconv>

namespace penstock::app::sim {
namespace {

int heart_rate(const std::string& payload) {
    static constexpr std::string_view kKey = R"("heartRate":)";
    const auto at = payload.find(kKey);
    int value = -1;
    if (at != std::string::npos) {
        std::from_chars(payload.data() + at + kKey.size(), payload.data() + payload.size(), value);
    }
    return value;
}

constexpr Faults kNone{.bad_json = 0, .gap = 0, .duplicate = 0, .spike = 0, .out_of_range = 0};

}  // namespace

TEST_CASE("sim: the same seed gives the same events", "[app][sim]") {
    Device one(3, 7, {});
    Device other(3, 7, {});
    for (int i = 0; i < 500; ++i)
        CHECK(one.next(i).payload == other.next(i).payload);
}

TEST_CASE("sim: without faults a heart rate stays between 60 and 140", "[app][sim]") {
    Device device(0, 1, kNone);
    for (int i = 0; i < 2000; ++i) {
        const auto event = device.next(1000 + i);
        REQUIRE(event.copies == 1);
        const int rate = heart_rate(event.payload);
        REQUIRE((rate >= 60 && rate <= 140));
    }
}

TEST_CASE("sim: each fault shows in the events", "[app][sim]") {
    auto faults = kNone;
    SECTION("gap") {
        faults.gap = 1;
        Device device(0, 1, faults);
        CHECK(device.next(0).copies == 1);
        CHECK(device.next(1).copies == 0);
    }
    SECTION("duplicate") {
        faults.duplicate = 1;
        CHECK(Device(0, 1, faults).next(0).copies == 2);
    }
    SECTION("bad JSON") {
        faults.bad_json = 1;
        CHECK(Device(0, 1, faults).next(0).payload.back() != '}');
    }
    SECTION("spike") {
        faults.spike = 1;
        CHECK(heart_rate(Device(0, 1, faults).next(0).payload) == 185);
    }
    SECTION("out of range") {
        faults.out_of_range = 1;
        CHECK(heart_rate(Device(0, 1, faults).next(0).payload) == 400);
    }
}

}  // namespace penstock::app::sim

#include "api/sensors.h"

#include "api/fake_history.h"
#include "base/metrics.h"
#include "support/fake_clock.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <functional>
#include <thread>

namespace penstock::api {
namespace {

/// A record of inspection's making: `heartRate` is in its index.
test::RecordSpec record(const std::string& device, std::int64_t heart_rate) {
    test::RecordSpec spec;
    spec.device = device;
    spec.heart_rate = heart_rate;
    return spec;
}

struct House {
    test::FakeHistory history;
    test::FakeClock clock;
    metrics::Registry registry;
    Sensors sensors{history, clock, registry};

    SensorConfig config(std::uint32_t devices_max = 10) {
        SensorConfig made;
        made.fields = {"heartRate"};
        made.devices_max = devices_max;
        return made;
    }
    bool shows(std::string_view text) { return registry.scrape().find(text) != std::string::npos; }
    /// Until the follower has its reader: what comes later is seen.
    void wait_for_tails(int count) {
        until([&] { return history.tails.load() == count; });
    }
    static void until(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!condition()) {
            REQUIRE(std::chrono::steady_clock::now() < end);
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
    }
};

}  // namespace

TEST_CASE("sensors: off as it comes, nothing is read", "[sensors]") {
    House house;
    house.sensors.use(SensorConfig{});
    house.history.log.append({record("d", 80)});
    CHECK_FALSE(house.shows("penstock_sensor_value{"));
    CHECK(house.history.tails == 0);
}

TEST_CASE("sensors: new records are shown, and gone when they are silent", "[sensors]") {
    House house;
    house.history.log.append({record("old", 1)});
    house.sensors.use(house.config());
    house.wait_for_tails(1);
    house.history.log.append({record("d", 80), record("e", 81)});
    constexpr auto kSeries =
        R"(penstock_sensor_value{device="d",field="heartRate",stream="wearables"} 80)";
    House::until([&] { return house.shows(kSeries); });
    CHECK(house.registry.value("penstock_sensor_devices") == 2);
    CHECK_FALSE(house.shows("\"old\""));
    house.clock.advance(SensorConfig{}.silent_after.count());
    CHECK_FALSE(house.shows("penstock_sensor_value{"));
    CHECK(house.registry.value("penstock_sensor_devices") == 0);
}

TEST_CASE("sensors: other settings begin anew, and what was left out stays counted", "[sensors]") {
    House house;
    house.sensors.use(house.config(1));
    house.wait_for_tails(1);
    house.history.log.append({record("d", 80), record("e", 81)});
    const auto left_out = [&] {
        return house.registry.value(
            "penstock_sensor_left_out_records_total", {{"reason", "no_place"}}
        );
    };
    House::until([&] { return left_out() == 1; });
    house.sensors.use(house.config(1));
    CHECK(house.shows("device=\"d\""));  // the same settings: nothing happened
    house.sensors.use(house.config(2));
    CHECK_FALSE(house.shows("penstock_sensor_value{"));
    CHECK(left_out() == 1);
    house.wait_for_tails(2);
    house.history.log.append({record("e", 82)});
    House::until([&] { return house.shows("device=\"e\""); });
    house.sensors.use(SensorConfig{});
    CHECK_FALSE(house.shows("penstock_sensor_value{"));
}

TEST_CASE("sensors: a journal that cannot be read is tried again from its end", "[sensors]") {
    House house;
    house.sensors.use(house.config());
    house.wait_for_tails(1);
    const Lsn next = house.history.log.durable().next();
    house.history.log.fail_at(next, Error{Errc::io, "bad sector"});
    house.history.log.append({record("lost", 1)});
    house.wait_for_tails(2);
    House::until([&] {
        house.history.log.append({record("d", 80)});
        return house.shows("device=\"d\"");
    });
}

}  // namespace penstock::api

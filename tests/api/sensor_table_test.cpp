#include "api/sensor_table.h"

#include "support/record_builder.h"

#include <catch2/catch.hpp>

#include <chrono>

namespace penstock::api {
namespace {

constexpr Nanoseconds kSilent = 60 * kSecond;
constexpr Nanoseconds kEvent = 1'767'323'045 * kSecond;

SensorConfig settings(std::uint32_t devices_max = 10) {
    SensorConfig config;
    config.fields = {"rate", "on"};
    config.devices_max = devices_max;
    config.silent_after = std::chrono::seconds(60);
    return config;
}

struct Table {
    explicit Table(const SensorConfig& config = settings()) : sensors(config) {}

    Table& take(test::RecordBuilder& record) {
        const auto& bytes = record.bytes();
        REQUIRE(sensors.take(bytes, now).value() == bytes.size());
        return *this;
    }
    /// A record with `rate`, of `event` seconds.
    Table& take(std::string_view device, std::string_view rate, std::int64_t event = 0) {
        test::RecordBuilder record;
        record.device(device).event_time(kEvent + event * kSecond);
        record.field("rate", rate, FieldType::number);
        return take(record);
    }
    Table& after(Nanoseconds span) {
        now += span;
        return *this;
    }
    /// `device/stream/field=value` of each series.
    std::vector<std::string> shown() const {
        std::vector<std::string> all;
        sensors.show(now, [&](std::span<const std::string_view> labels, double value) {
            all.push_back(
                std::string(labels[0]) + "/" + std::string(labels[2]) + "/" +
                std::string(labels[1]) + "=" + std::to_string(static_cast<int>(value * 10))
            );
        });
        return all;
    }

    SensorTable sensors;
    Nanoseconds now = kSecond;
};

using Shown = std::vector<std::string>;

}  // namespace

TEST_CASE("sensors: no field is named twice, and what a scrape grows by is bounded", "[sensors]") {
    const auto problems_of = [](const std::string& yaml) {
        config::Problems problems;
        static_cast<void>(config::read<SensorConfig>(yaml, "p.yaml", problems));
        return problems.text();
    };
    CHECK(problems_of("fields: [a, b]").empty());
    CHECK(problems_of("fields: [a, b, a]").find("names no field twice") != std::string::npos);
    CHECK(problems_of("devices_max: 2001").find("between 1 and 2000") != std::string::npos);
}

TEST_CASE("sensors: the newest value by event time is shown, of chosen fields only", "[sensors]") {
    Table table;
    test::RecordBuilder record;
    record.device("d").event_time(kEvent);
    record.field("rate", "8.5", FieldType::number).field("other", "3", FieldType::integer);
    record.derived("on", "true", FieldType::boolean);
    CHECK(table.take(record).shown() == Shown{"d/wearables/rate=85", "d/wearables/on=10"});
    table.take("d", "9", 2).take("d", "7", 1);
    CHECK(table.shown() == Shown{"d/wearables/rate=90", "d/wearables/on=10"});
}

TEST_CASE("sensors: text, null, quarantined records and other streams are not shown", "[sensors]") {
    auto config = settings();
    config.streams = {"wearables"};
    Table table(config);
    test::RecordBuilder text;
    test::RecordBuilder bad;
    test::RecordBuilder strange;
    text.field("rate", "high", FieldType::string);
    bad.field("rate", "1", FieldType::number).flags(kQuarantined);
    strange.field("rate", "1", FieldType::number).stream("pumps");
    table.take(text).take(bad).take(strange);
    CHECK(table.sensors.devices() == 0);

    table.take("w1", "5", 0);
    test::RecordBuilder none;
    none.event_time(kEvent + kSecond).field("rate", "null", FieldType::null);
    CHECK(table.take(none).shown().empty());
}

TEST_CASE("sensors: a device counts once for each of its streams", "[sensors]") {
    Table table;
    test::RecordBuilder pump;
    pump.device("d").stream("pumps").field("rate", "1", FieldType::number);
    table.take("d", "2").take(pump);
    CHECK(table.shown() == Shown{"d/pumps/rate=10", "d/wearables/rate=20"});
    CHECK(table.sensors.devices() == 2);
}

TEST_CASE(
    "sensors: at the cap the first keep their places and the others are counted", "[sensors]"
) {
    Table table(settings(2));
    table.take("a", "1").take("b", "2").take("c", "3").take("c", "4").take("a", "5", 1);
    CHECK(table.shown() == Shown{"a/wearables/rate=50", "b/wearables/rate=20"});
    CHECK(table.sensors.left_out().no_place == 2);
}

TEST_CASE(
    "sensors: a silent value is gone, and a silent device gives its place back", "[sensors]"
) {
    Table table(settings(1));
    test::RecordBuilder on;
    on.device("a").event_time(kEvent).field("on", "true", FieldType::boolean);
    table.take("a", "1").after(kSilent / 2).take(on).after(kSilent / 2 - 1);
    CHECK(table.shown() == Shown{"a/wearables/rate=10", "a/wearables/on=10"});
    CHECK(table.after(1).shown() == Shown{"a/wearables/on=10"});
    table.sensors.forget(table.now);
    CHECK(table.sensors.devices() == 1);
    CHECK(table.after(kSilent / 2).shown().empty());
    table.sensors.forget(table.now);
    CHECK(table.take("b", "2").shown() == Shown{"b/wearables/rate=20"});
}

TEST_CASE("sensors: a device whose clock was ahead is shown again after the silence", "[sensors]") {
    Table table;
    table.take("d", "1", 86'400).after(kSilent - 1).take("d", "2", 60);
    CHECK(table.shown() == Shown{"d/wearables/rate=10"});
    CHECK(table.after(1).take("d", "3", 61).shown() == Shown{"d/wearables/rate=30"});
}

TEST_CASE("sensors: ids that are too long or no text are left out and counted", "[sensors][A13]") {
    Table table;
    table.take(std::string(SensorTable::kIdMax, 'x'), "1");
    table.take(std::string(SensorTable::kIdMax + 1, 'x'), "1").take("\xff", "1");
    CHECK(table.sensors.devices() == 1);
    CHECK(table.sensors.left_out().bad_id == 2);
}

TEST_CASE("sensors: bytes that are no record are an error", "[sensors]") {
    SensorTable table(settings());
    const std::vector<std::byte> none(3);
    CHECK(table.take(none, 0).error().code == Errc::corrupt);
}

}  // namespace penstock::api

#include "sinks/stream/mqtt.h"

#include "sinks/archive/archived.h"
#include "sinks/contract/contract.h"
#include "sinks/stream/fake_mqtt_broker.h"
#include "sinks/stream/mqtt_reasons.h"
#include "support/record_builder.h"
#include "support/relay.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>

namespace penstock::sinks {
namespace {

using contract::Arrival;
using contract::Fault;
using mqtt::Reason;
using mqtt::Version;
using test::FakeMqttBroker;
using test::Relay;

MqttConfig settings(std::uint16_t port, Version version = Version::v5) {
    MqttConfig config;
    config.server = "127.0.0.1:" + std::to_string(port);
    config.version = version;
    config.topic = "site/{device}";
    config.max_in_flight = 50;
    config.record_max = ByteCount{20'000};
    config.connect_timeout = std::chrono::seconds(2);
    config.ack_timeout = std::chrono::seconds(1);
    return config;
}

std::unique_ptr<Sink> made(const MqttConfig& config, const JournalId& journal = {}) {
    SinkContext context;
    context.id = "bridge";
    context.journal = journal;
    return std::move(make_mqtt_sink(config, context)).value();
}

class FakeFarSide : public contract::FarSide {
public:
    explicit FakeFarSide(Version version) : version_(version) {
        broker_.set([this](auto& manners) {
            manners.connack_properties = wire::u8(0x27) + wire::u32(10'000);
            manners.judge = [this](const auto& message) { return judge(message); };
        });
    }

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        MqttConfig config = settings(relay_.port(), version_);
        if (version_ != Version::v5) config.record_max = ByteCount{10'000};
        return made(config, journal);
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        std::vector<Arrival> all;
        for (const auto& message : broker_.messages())
            all.push_back(test::arrival_of(message.payload));
        return all;
    }
    [[nodiscard]] std::string lacks(Fault fault) const override {
        const bool can = version_ == Version::v5 || fault != Fault::throttled;
        return can ? "" : "a broker of MQTT 3.1.1 has no word for it";
    }
    [[nodiscard]] std::string lacks_refusal() const override {
        return version_ == Version::v5 ? "" : "a broker of MQTT 3.1.1 has no word for it";
    }
    [[nodiscard]] std::string refused_payload() override { return "{\"poison\":true}"; }
    [[nodiscard]] std::string oversized_payload() override {
        return "{\"blob\":\"" + std::string(12'000, 'x') + "\"}";
    }
    [[nodiscard]] Nanoseconds patience() const override { return 60 * kSecond; }
    void set(Fault fault) override {
        relay_.set(
            fault == Fault::unreachable         ? Relay::Mode::refuse
            : fault == Fault::hang              ? Relay::Mode::swallow
            : fault == Fault::reset_after_write ? Relay::Mode::lose_answers
                                                : Relay::Mode::pass
        );
        throttled_ = fault == Fault::throttled;
        const bool denied = fault == Fault::denied;
        broker_.set(
            [&](auto& manners) {
                manners.half_once = fault == Fault::half_accepted;
                manners.connack = !denied ? 0 : version_ == Version::v5 ? 0x86 : 4;
            },
            denied || fault == Fault::crash
        );
    }

protected:
    virtual unsigned judge(const FakeMqttBroker::Message& message) {
        if (throttled_) return 0x97;
        return message.payload.find("\"poison\"") != std::string::npos ? 0x99 : 0;
    }

private:
    const Version version_;
    std::atomic<bool> throttled_{false};
    FakeMqttBroker broker_;
    Relay relay_{broker_.port()};
};

PS_SINK_CONTRACT("mqtt, fake broker", "[sinks][mqtt]", [] {
    return std::make_unique<FakeFarSide>(Version::v5);
})

TEST_CASE("mqtt 3.1.1, fake broker: keeps the contract", "[sinks][mqtt][contract]") {
    contract::keeps_all([] { return std::make_unique<FakeFarSide>(Version::v311); });
}

/// Says no to every eighth message, once, and takes those that are behind it.
class MoodyFarSide final : public FakeFarSide {
public:
    MoodyFarSide() : FakeFarSide(Version::v5) {}

private:
    unsigned judge(const FakeMqttBroker::Message& message) override {
        const Arrival arrival = test::arrival_of(message.payload);
        const bool first = seen_.emplace(arrival.device, arrival.event_time).second;
        return first && seen_.size() % 8 == 0 ? 0x97 : 0;  // not always of the same device
    }

    std::set<std::pair<std::string, Nanoseconds>> seen_;
};

TEST_CASE(
    "mqtt: messages that are refused in passing come before those behind them", "[sinks][mqtt][S04]"
) {
    const auto moody = [] { return std::make_unique<MoodyFarSide>(); };
    contract::delivers_all(moody);
    contract::keeps_order_per_device(moody);
}

void put(Sink& sink, std::uint64_t lsn, const std::string& device, const std::string& payload) {
    test::RecordBuilder record;
    record.device(device).payload(payload);
    const Nanoseconds end = system_clock().monotonic() + 20 * kSecond;
    while (!sink.put({lsn}, record.view())) {
        const SinkProgress progress = sink.poll(20 * kMillisecond);
        if (progress.failure) FAIL(progress.failure->message);
        REQUIRE(system_clock().monotonic() < end);
    }
}

/// Until `lsn` is safe, or there is a failure; for 20 s at most.
SinkProgress until(Sink& sink, Lsn lsn) {
    SinkProgress progress;
    std::vector<RefusedRecord> refused;
    const Nanoseconds end = system_clock().monotonic() + 20 * kSecond;
    while (progress.safe < lsn && !progress.failure && system_clock().monotonic() < end) {
        progress = sink.poll(20 * kMillisecond);
        refused.insert(refused.end(), progress.refused.begin(), progress.refused.end());
        if (progress.quiet_for > 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    progress.refused = std::move(refused);
    return progress;
}

TEST_CASE("mqtt: no more messages wait than the broker's Receive Maximum", "[sinks][mqtt]") {
    FakeMqttBroker broker;
    broker.set([](auto& manners) {
        manners.gather = true;
        manners.connack_properties = wire::u8(0x21) + wire::u16(3);
    });
    const auto sink = made(settings(broker.port()));
    sink->reset({});
    for (std::uint64_t lsn = 1; lsn <= 40; ++lsn)
        put(*sink, lsn, "d" + std::to_string(lsn), "{}");
    CHECK(until(*sink, {40}).safe == Lsn{40});
    CHECK(broker.messages().size() == 40);
    CHECK(broker.most_waiting() == 3);
}

TEST_CASE("mqtt: one message of a device is under way at a time, but with 3.1.1", "[sinks][mqtt]") {
    for (const Version version : {Version::v5, Version::v311}) {
        FakeMqttBroker broker;
        broker.set([](auto& manners) { manners.gather = true; });
        const auto sink = made(settings(broker.port(), version));
        sink->reset({});
        for (std::uint64_t lsn = 1; lsn <= 40; ++lsn)
            put(*sink, lsn, lsn % 2 == 0 ? "even" : "odd", "{}");
        CHECK(until(*sink, {40}).safe == Lsn{40});
        const std::size_t most = broker.most_waiting();
        CHECK((version == Version::v5 ? most <= 2 : most > 2));
    }
}

TEST_CASE("mqtt: what the broker cannot offer is said in a sentence", "[sinks][mqtt]") {
    struct Case {
        std::string properties;
        bool retain;
        std::string word;
    };
    for (const Case& one :
         {Case{wire::u8(0x24) + wire::u8(0), false, "QoS 0"},
          Case{wire::u8(0x25) + wire::u8(0), true, "retain"}}) {
        FakeMqttBroker broker;
        broker.set([&](auto& manners) { manners.connack_properties = one.properties; });
        MqttConfig config = settings(broker.port());
        config.retain = one.retain;
        const auto sink = made(config);
        sink->reset({});
        const SinkProgress progress = until(*sink, {1});
        REQUIRE(progress.failure);
        CHECK(progress.failure->kind == FailureClass::configuration);
        CHECK_THAT(progress.failure->message, Catch::Contains(one.word));
        CHECK_FALSE(made(config)->probe(5 * kSecond).ok());
    }
}

TEST_CASE("mqtt: an idle connection is kept alive as the broker asks", "[sinks][mqtt]") {
    FakeMqttBroker broker;
    broker.set([](auto& manners) {
        manners.connack_properties = wire::u8(0x13) + wire::u16(1);  // Server Keep Alive
    });
    const auto sink = made(settings(broker.port()));
    sink->reset({});
    const Nanoseconds end = system_clock().monotonic() + 20 * kSecond;
    while (broker.others().size() < 2 && system_clock().monotonic() < end) {
        const SinkProgress progress = sink->poll(20 * kMillisecond);
        REQUIRE_FALSE(progress.failure);
        if (progress.quiet_for > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    CHECK(broker.others() == std::vector<std::string>{"pingreq", "pingreq"});
    broker.set([](auto& manners) { manners.mute = true; });
    const SinkProgress progress = until(*sink, {1});
    REQUIRE(progress.failure);
    CHECK(progress.failure->lost_contact);
}

TEST_CASE("mqtt: client ids differ between a sink, its probe and one beside it", "[sinks][mqtt]") {
    FakeMqttBroker broker;
    const auto reach = [&](const MqttConfig& config, std::uint64_t seed) {
        SinkContext context;
        context.id = "bridge";
        context.seed = seed;
        const auto sink = std::move(make_mqtt_sink(config, context)).value();
        sink->reset({});
        put(*sink, 1, "d", "{}");
        REQUIRE(until(*sink, {1}).safe == Lsn{1});
        REQUIRE(sink->probe(5 * kSecond).ok());
    };
    MqttConfig config = settings(broker.port());
    reach(config, 1);
    reach(config, 2);
    const auto ids = broker.client_ids();
    REQUIRE(ids.size() == 4);
    CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == 4);
    for (const std::string& id : ids) {
        CHECK(id.size() <= 23);
        CHECK(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string::npos);
    }
    config.client_id = "north";
    reach(config, 3);
    CHECK(broker.client_ids().at(4) == "north");
    CHECK(broker.client_ids().at(5) == "north-probe");
    CHECK(mqtt_kind().alone(config) != "");
    CHECK(mqtt_kind().alone(MqttConfig{}) == "");
}

TEST_CASE("mqtt: a broker that confirms what was not sent is left", "[sinks][mqtt]") {
    FakeMqttBroker broker;
    const auto sink = made(settings(broker.port()));
    sink->reset({});
    put(*sink, 1, "d", "{}");
    REQUIRE(until(*sink, {1}).safe == Lsn{1});
    broker.set([](auto& manners) { manners.extra_puback = true; });
    put(*sink, 2, "d", "{}");
    const SinkProgress progress = until(*sink, {3});
    REQUIRE(progress.failure);
    CHECK(progress.safe <= Lsn{2});
}

TEST_CASE("mqtt: what a broker says when it ends the connection is heard", "[sinks][mqtt]") {
    FakeMqttBroker broker;
    const auto sink = made(settings(broker.port()));
    sink->reset({});
    put(*sink, 1, "d", "{}");
    REQUIRE(until(*sink, {1}).safe == Lsn{1});
    broker.set([](auto& manners) { manners.farewell = wire::disconnect_v5(0x8E); });
    const SinkProgress progress = until(*sink, {2});
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::configuration);
    CHECK_THAT(progress.failure->message, Catch::Contains("client id"));
}

TEST_CASE("mqtt: a server that is no broker is left", "[sinks][mqtt]") {
    FakeMqttBroker broker;
    for (const std::string& said :
         {"HTTP/1.1 400 Bad Request\r\n\r\n" + std::string(100, ' '),
          wire::packet(0x20, std::string(100'000, 'x')),
          wire::publish("a", "b"),
          wire::packet(0x40, ""),
          wire::packet(0xD0, "x")}) {
        broker.set([](auto& manners) { manners.farewell.clear(); });
        const auto sink = made(settings(broker.port()));
        sink->reset({});
        put(*sink, 1, "d", "{}");
        REQUIRE(until(*sink, {1}).safe == Lsn{1});
        broker.set([&](auto& manners) { manners.farewell = said; });
        const SinkProgress progress = until(*sink, {2});
        REQUIRE(progress.failure);
        CHECK_THAT(progress.failure->message, Catch::Contains("no MQTT broker"));
    }
}

TEST_CASE("mqtt: reasons of a broker are taken for what they are", "[sinks][mqtt]") {
    CHECK(mqtt_verdict(Reason::success) == MqttVerdict::taken);
    CHECK(mqtt_verdict(Reason::no_matching_subscribers) == MqttVerdict::taken);
    for (const unsigned code : {0x90U, 0x95U, 0x99U})
        CHECK(mqtt_verdict(static_cast<Reason>(code)) == MqttVerdict::refused);
    const std::map<unsigned, FailureClass> publish{
        {0x80, FailureClass::transient},
        {0x83, FailureClass::transient},
        {0x87, FailureClass::credentials},
        {0x91, FailureClass::transient},
        {0x97, FailureClass::throttled},
        {0xEE, FailureClass::transient},
    };
    for (const auto& [code, kind] : publish) {
        CAPTURE(code);
        CHECK(mqtt_verdict(static_cast<Reason>(code)) == MqttVerdict::failed);
        CHECK(mqtt_publish_failure(static_cast<Reason>(code), "").kind == kind);
    }
    const std::map<unsigned, FailureClass> connection{
        {0x80, FailureClass::transient},
        {0x84, FailureClass::configuration},
        {0x85, FailureClass::configuration},
        {0x86, FailureClass::credentials},
        {0x87, FailureClass::credentials},
        {0x88, FailureClass::transient},
        {0x89, FailureClass::throttled},
        {0x8A, FailureClass::credentials},
        {0x8B, FailureClass::transient},
        {0x8E, FailureClass::configuration},
        {0x97, FailureClass::throttled},
        {0x9F, FailureClass::throttled},
    };
    for (const auto& [code, kind] : connection) {
        CAPTURE(code);
        CHECK(mqtt_connection_failure(static_cast<Reason>(code), "").kind == kind);
    }
    const std::string hostile = mqtt_publish_failure(Reason::quota_exceeded, "a\n\x1b[2J").message;
    CHECK_THAT(hostile, Catch::Contains("quota_exceeded (0x97)"));
    CHECK(hostile.find_first_of("\n\x1b") == std::string::npos);
}

}  // namespace
}  // namespace penstock::sinks

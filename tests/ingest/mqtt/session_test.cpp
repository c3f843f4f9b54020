#include "ingest/mqtt/session.h"

#include "scripted_device.h"

using namespace penstock;
using mqtt::Next;

TEST_CASE("a PUBACK leaves only when the record is durable", "[mqtt][session]") {
    ScriptedDevice device;
    device.connects().publishes("t/1", "{}", 1, 7).hears_nothing();
    device.intake.durable_all();
    device.hears(wire::puback(7));
    CHECK(device.intake.taken.at(0).topic == "t/1");
    CHECK(device.intake.taken.at(0).payload == "{}");
    CHECK(device.intake.taken.at(0).client_id == "dev");
    CHECK(device.registry.value("penstock_acked_records_total", {{"listener", "mqtt"}}) == 1);
}

TEST_CASE("PUBACKs leave in the order of the PUBLISHes", "[mqtt][session][MQTT-4.6.0-2]") {
    ScriptedDevice device;
    device.connects();
    for (const unsigned id : {3U, 1U, 2U})
        device.publishes("t", "{}", 1, id);
    device.intake.durable({1, 2});
    device.hears_nothing();
    device.intake.durable({0});
    device.hears(wire::puback(3), wire::puback(1), wire::puback(2));
}

TEST_CASE("QoS 0 gets no answer and asks for none", "[mqtt][session]") {
    ScriptedDevice device;
    device.connects().publishes("t", "{}").hears_nothing();
    CHECK(device.intake.taken.at(0).ticket.sequence == Ticket::kNoAnswer);
}

TEST_CASE("the flags of a PUBLISH reach the record", "[mqtt][session]") {
    ScriptedDevice device;
    device.connects().sends(wire::publish("t", "{}", 1, 1, 0x09));
    CHECK(device.intake.taken.at(0).retain);
    CHECK(device.intake.taken.at(0).duplicate);
}

TEST_CASE("PINGRESP does not wait for the journal", "[mqtt][session][quirk6][MQTT-3.12.4-1]") {
    ScriptedDevice device;
    device.connects().publishes("t", "{}", 1, 1).sends(wire::pingreq()).hears("pingresp");
}

TEST_CASE(
    "a failed 3.1.1 handshake is tried again as 3.1, which is taken too", "[mqtt][session][quirk5]"
) {
    wire::Connect connect;
    connect.version = 3;
    connect.protocol = "MQIsdp";
    ScriptedDevice device;
    device.connects(connect).publishes("t", "{}", 1, 1);
    CHECK(device.session.version() == mqtt::Version::v31);
    device.intake.durable_all();
    device.hears(wire::puback(1));
}

TEST_CASE(
    "the same packet identifier without DUP after its PUBACK is a new message",
    "[mqtt][session][quirk21]"
) {
    ScriptedDevice device;
    device.connects().publishes("t", "1", 1, 1);
    device.intake.durable_all();
    device.hears(wire::puback(1)).publishes("t", "2", 1, 1);
    device.intake.durable_all();
    device.hears(wire::puback(1));
    CHECK(device.intake.taken.size() == 2);
}

TEST_CASE("a message sent again before its PUBACK gets an answer each", "[mqtt][session][quirk2]") {
    ScriptedDevice device;
    device.connects().publishes("t", "1", 1, 5).sends(wire::publish("t", "1", 1, 5, 0x08));
    device.intake.durable_all();
    device.hears(wire::puback(5), wire::puback(5));
}

TEST_CASE("PUBLISH may follow CONNECT in the same bytes", "[mqtt][session][quirk15]") {
    ScriptedDevice device;
    device.sends(wire::connect() + wire::publish("t", "{}", 1, 1)).hears("connack 0");
    device.intake.durable_all();
    device.hears(wire::puback(1));
}

TEST_CASE(
    "packets may come byte by byte, or twenty in one read", "[mqtt][session][quirk12][quirk33]"
) {
    ScriptedDevice device;
    std::string all = wire::connect();
    for (unsigned id = 1; id <= 20; ++id)
        all += wire::publish("t/x", "{\"v\":1}", 1, id);
    for (const char byte : all)
        device.sends({&byte, 1});
    CHECK(device.intake.taken.size() == 20);
    ScriptedDevice other;
    other.sends(all);
    CHECK(other.intake.taken.size() == 20);
}

TEST_CASE(
    "empty client ids: MQTT 5 is told the new one, 3.1.1 gets one with a clean session only",
    "[mqtt][session][quirk15][MQTT-3.1.3-8]"
) {
    ScriptedDevice five;
    five.log_in = false;
    five.sends(wire::connect_v5(""));
    REQUIRE(five.last == Next::log_in);
    CHECK(five.session.client_id().empty());
    five.session.assign("penstock-x");
    auto desk = five.desk();
    five.session.accept(desk);
    CHECK(five.take_output().find(wire::u8(0x12) + wire::text("penstock-x")) != std::string::npos);

    ScriptedDevice clean;
    clean.log_in = false;
    clean.sends(wire::connect_as(""));
    CHECK(clean.last == Next::log_in);

    wire::Connect keeps;
    keeps.id = "";
    keeps.clean = false;
    ScriptedDevice kept;
    kept.sends(wire::connect(keeps)).is_closed({"connack 2"});
}

TEST_CASE(
    "CONNACK of MQTT 5 says what this server does not offer", "[mqtt][session][MQTT-3.2.2-9]"
) {
    ScriptedDevice device;
    device.v5 = true;
    device.sends(wire::connect_v5("dev", wire::u8(0x11) + wire::u32(3600)));
    const std::string connack = device.take_output();
    const std::string properties = connack.substr(5);
    CHECK(
        properties == wire::u8(0x11) + wire::u32(0) + wire::u8(0x24) + wire::u8(1) +
                          wire::u8(0x27) + wire::u32(256 << 10) + wire::u8(0x22) + wire::u16(16) +
                          wire::u8(0x28) + wire::u8(0) + wire::u8(0x29) + wire::u8(0) +
                          wire::u8(0x2A) + wire::u8(0)
    );
}

TEST_CASE("MQTT 5 devices are told why a message is refused, in its place", "[mqtt][session]") {
    ScriptedDevice device;
    device.connects_v5();
    device.intake.decide = [](const Message& message) {
        return message.payload == "bad" ? FakeIntake::refused(Refusal::invalid_json, "not JSON")
                                        : Reply{};
    };
    device.publishes("t", "{}", 1, 1)
        .publishes("t", "bad", 1, 2)
        .publishes("t", "{}", 1, 3)
        .hears_nothing();
    device.intake.durable({1});
    device.hears_nothing();
    device.intake.durable({0});
    device.hears("puback 1", "puback 2 0x99 not JSON", "puback 3");
}

TEST_CASE("an unrouted message is refused with 0x90", "[mqtt][session]") {
    ScriptedDevice device;
    device.connects_v5();
    device.intake.decide = [](const Message&) {
        return FakeIntake::refused(Refusal::unrouted, "no stream");
    };
    device.publishes("t", "{}", 1, 1).hears("puback 1 0x90 no stream");
}

TEST_CASE(
    "Request Problem Information 0 silences reason strings of PUBACK",
    "[mqtt][session][quirk22][MQTT-3.1.2-29]"
) {
    ScriptedDevice device;
    device.connects_v5(wire::u8(0x17) + wire::u8(0));
    device.intake.decide = [](const Message&) {
        return FakeIntake::refused(Refusal::invalid_json, "not JSON");
    };
    device.publishes("t", "{}", 1, 1).hears("puback 1 0x99");
}

TEST_CASE(
    "a reason string that is over the client's Maximum Packet Size is left out",
    "[mqtt][session][MQTT-3.1.2-24]"
) {
    ScriptedDevice device;
    device.connects_v5(wire::u8(0x27) + wire::u32(12));
    device.intake.decide = [](const Message&) {
        return FakeIntake::refused(Refusal::invalid_json, "a long reason");
    };
    device.publishes("t", "{}", 1, 1).hears("puback 1 0x99");
}

TEST_CASE(
    "MQTT 3 devices get a PUBACK for a message refused for good, or the door, as configured",
    "[mqtt][session]"
) {
    ingest::MqttListenerConfig settings;
    settings.refused_message = ingest::RefusedMessage::disconnect;
    ScriptedDevice strict(settings);
    ScriptedDevice mild;
    for (ScriptedDevice* device : {&strict, &mild}) {
        device->intake.decide = [](const Message&) {
            return FakeIntake::refused(Refusal::invalid_json, "x");
        };
        device->connects().publishes("t", "bad", 1, 1);
    }
    strict.is_closed();
    mild.hears(wire::puback(1));
    CHECK(mild.registry.value("penstock_acked_records_total", {{"listener", "mqtt"}}) == 0);
}

TEST_CASE("QoS 2 is refused and never acknowledged", "[mqtt][session][MQTT-3.2.2-11]") {
    ScriptedDevice three;
    three.connects().publishes("t", "{}", 2, 1).is_closed();
    ScriptedDevice five;
    five.connects_v5().publishes("t", "{}", 2, 1).is_closed({"disconnect 0x9b"});
    CHECK(five.intake.taken.empty());
    CHECK(
        five.registry.value(
            "penstock_protocol_errors_total",
            {{"listener", "mqtt"}, {"reason", "qos_not_supported"}}
        ) == 1
    );
}

TEST_CASE(
    "a will of QoS 2 is refused in MQTT 5 and taken in MQTT 3", "[mqtt][session][MQTT-3.2.2-12]"
) {
    wire::Connect connect;
    connect.will_topic = "w";
    connect.will_qos = 2;
    ScriptedDevice three;
    three.connects(connect);
    connect.version = 5;
    ScriptedDevice five;
    five.v5 = true;
    five.sends(wire::connect(connect)).is_closed({"connack 0x9b"});
}

TEST_CASE(
    "subscriptions are answered and refused", "[mqtt][session][MQTT-3.8.4-1][MQTT-3.10.4-4]"
) {
    ScriptedDevice three;
    three.connects().sends(wire::subscribe(5, "a/#")).hears("suback 5 0x80");
    three.sends(wire::unsubscribe(6, "a/#")).hears("unsuback 6");
    ScriptedDevice five;
    five.connects_v5().sends(wire::subscribe(5, "a/#", true)).hears("suback 5 0x83");
    five.sends(wire::unsubscribe(6, "a/#", true)).hears("unsuback 6 0x11");
}

TEST_CASE("a PUBREL of an earlier server's QoS 2 is put to rest", "[mqtt][session]") {
    ScriptedDevice three;
    three.connects().sends(wire::packet(0x62, wire::u16(9))).hears("pubcomp 9");
    ScriptedDevice five;
    five.connects_v5().sends(wire::packet(0x62, wire::u16(9))).hears("pubcomp 9 0x92");
}

TEST_CASE(
    "the query part of a user name is cut, and a name that is all query is none",
    "[mqtt][session][quirk7][quirk17]"
) {
    wire::Connect connect;
    connect.user = "alice?SDK=Python&Platform=Unix";
    ScriptedDevice device;
    device.log_in = false;
    device.sends(wire::connect(connect));
    CHECK(device.session.login().user == "alice");
    connect.user = "?SDK=IoTDeviceSDK/Python&Platform=Unix&Metadata=(CRTVersion=1)";
    ScriptedDevice aws;
    aws.log_in = false;
    aws.sends(wire::connect(connect));
    CHECK(aws.last == Next::log_in);
    CHECK(aws.session.login().user.empty());
}

TEST_CASE("a busy intake leaves the packet where it is", "[mqtt][session]") {
    ScriptedDevice device;
    device.connects();
    device.intake.room_for = 1;
    device.publishes("t", "1", 1, 1).publishes("t", "2", 1, 2);
    CHECK(device.last == Next::busy);
    CHECK(device.intake.taken.size() == 1);
    device.intake.room_for = 5;
    device.feed();
    CHECK(device.intake.taken.size() == 2);
    device.intake.durable_all();
    device.hears(wire::puback(1), wire::puback(2));
}

TEST_CASE("bytes in flight are bounded, whatever the window says", "[mqtt][session][quirk25]") {
    ingest::MqttListenerConfig settings;
    settings.limits.in_flight = ByteCount{4096};
    ScriptedDevice device(settings);
    device.connects();
    unsigned id = 1;
    while (device.last != Next::full)
        device.publishes("t", std::string(500, 'x'), 1, id++);
    CHECK(id < 12);
    CHECK_FALSE(device.session.has_room(settings));
    device.intake.durable_all();
    CHECK(device.session.has_room(settings));
}

TEST_CASE(
    "a will is published unless the client says goodbye",
    "[mqtt][session][MQTT-3.1.2-8][MQTT-3.14.4-3]"
) {
    wire::Connect connect;
    connect.version = 5;
    connect.will_topic = "w/dev";
    connect.will_payload = "gone";
    ScriptedDevice lost;
    lost.connects(connect);
    const auto will = lost.session.take_will();
    REQUIRE(will != nullptr);
    CHECK(will->topic == "w/dev");
    CHECK(std::string(will->payload.begin(), will->payload.end()) == "gone");

    ScriptedDevice polite;
    polite.connects(connect).sends(wire::disconnect()).is_closed();
    CHECK(polite.session.take_will() == nullptr);
    CHECK_FALSE(polite.session.failed());

    ScriptedDevice with_will;
    with_will.connects(connect).sends(wire::disconnect_v5(0x04)).is_closed();
    CHECK(with_will.session.take_will() != nullptr);

    ScriptedDevice denied;
    denied.log_in = false;
    denied.v5 = true;
    denied.sends(wire::connect(connect));
    auto desk = denied.desk();
    denied.session.refuse(mqtt::Reason::bad_credentials, "no", desk);
    denied.hears("connack 0x86 no");
    CHECK(denied.session.take_will() == nullptr);
}

TEST_CASE("a session cannot be made to last while leaving", "[mqtt][session][MQTT-3.14.2-1]") {
    const std::string lasting =
        wire::packet(0xE0, wire::u8(0) + wire::section(wire::u8(0x11) + wire::u32(9)));
    ScriptedDevice device;
    device.connects_v5().sends(lasting).is_closed({"disconnect 0x82"});
}

TEST_CASE(
    "Server Keep Alive is said when a bound is configured", "[mqtt][session][MQTT-3.2.2-21]"
) {
    ingest::MqttListenerConfig settings;
    settings.max_keep_alive = std::chrono::seconds(300);
    ScriptedDevice device(settings);
    device.sends(wire::connect_v5());
    CHECK(device.take_output().find(wire::u8(0x13) + wire::u16(300)) != std::string::npos);
    CHECK(device.session.patience() == 450 * kSecond);
    ScriptedDevice three(settings);
    three.connects();
    CHECK(three.session.patience() == 0);
}

TEST_CASE(
    "random bytes never crash a session and never reach the intake before CONNECT",
    "[mqtt][session][M02]"
) {
    std::srand(1);
    for (int round = 0; round < 300; ++round) {
        std::string bytes = round % 3 == 0   ? ""
                            : round % 3 == 1 ? wire::connect()
                                             : wire::connect_v5();
        const std::size_t random = static_cast<std::size_t>(std::rand() % 200);
        for (std::size_t i = 0; i < random; ++i)
            bytes += static_cast<char>(std::rand());
        ScriptedDevice device;
        device.sends(bytes);
        if (round % 3 == 0) CHECK(device.intake.taken.empty());
    }
}

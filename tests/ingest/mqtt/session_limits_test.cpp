#include "ingest/mqtt/session.h"
#include "scripted_device.h"

using namespace penstock;
using mqtt::Next;

TEST_CASE("topic aliases carry the topics of a connection", "[mqtt][session][quirk11][quirk23]") {
    ScriptedDevice device;
    device.connects_v5();
    device.sends(wire::publish_v5("a/b", "1", 1, 1, wire::alias(1)));
    for (unsigned id = 2; id <= 200; ++id)
        device.sends(wire::publish_v5("", "2", 1, id, wire::alias(1)));
    REQUIRE(device.intake.taken.size() == 200);
    for (const auto& taken : device.intake.taken)
        CHECK(taken.topic == "a/b");
    device.sends(wire::publish_v5("c", "3", 0, 0, wire::alias(1)))
        .sends(wire::publish_v5("", "4", 0, 0, wire::alias(1)));
    CHECK(device.intake.taken.back().topic == "c");
}

TEST_CASE(
    "an alias that is not set, 0 or over the maximum ends the connection",
    "[mqtt][session][M11][MQTT-3.3.2-8][MQTT-3.3.2-9]"
) {
    for (const unsigned alias : {1U, 0U, 17U, 65'535U}) {
        ScriptedDevice device;
        device.connects_v5().sends(wire::publish_v5("", "x", 0, 0, wire::alias(alias)));
        device.is_closed({"disconnect 0x94"});
    }
    ScriptedDevice over;
    over.connects_v5()
        .sends(wire::publish_v5("t", "x", 0, 0, wire::alias(17)))
        .is_closed({"disconnect 0x94"});
    ScriptedDevice neither;
    neither.connects_v5().sends(wire::publish_v5("", "x")).is_closed({"disconnect 0x82"});
}

TEST_CASE(
    "aliases of 64 KiB topics hold no more than aliases times the longest topic",
    "[mqtt][session][M11]"
) {
    ScriptedDevice device;
    device.connects_v5();
    const std::string topic(60'000, 't');
    for (unsigned alias = 1; alias <= 16; ++alias)
        device.sends(wire::publish_v5(topic, "x", 1, alias, wire::alias(alias)));
    for (const std::string& heard : wire::read(device.take_output(), true))
        CHECK(heard.find(" 0x90 topic over") != std::string::npos);
    CHECK(device.intake.taken.empty());
    device.sends(wire::publish_v5("", "x", 0, 0, wire::alias(3))).is_closed({"disconnect 0x94"});
}

TEST_CASE("topics that are none end the connection", "[mqtt][session][M09][MQTT-3.3.2-2]") {
    using std::string_literals::operator""s;
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"a/#", "disconnect 0x90"},
        {"+", "disconnect 0x90"},
        {"a\0b"s, "disconnect 0x81"},
        {"\xc0\xaf", "disconnect 0x81"},
        {"a\xef\xbf\xbf", "disconnect 0x90"},
    };
    for (const auto& [topic, answer] : cases) {
        ScriptedDevice five;
        five.connects_v5().publishes(topic, "x", 1, 1).is_closed({answer});
        ScriptedDevice three;
        three.connects().publishes(topic, "x", 1, 1).is_closed();
        CHECK(three.intake.taken.empty());
    }
    ScriptedDevice empty;
    empty.connects().publishes("", "x").is_closed();
    ScriptedDevice system;
    system.connects().publishes("$x", "x", 1, 1).is_open();
    ScriptedDevice deep;
    deep.connects().publishes(std::string(65'535, '/'), "x", 1, 1).is_closed();
}

TEST_CASE("more than 64 user properties end the connection", "[mqtt][session][M10]") {
    std::string properties;
    for (int i = 0; i < 65; ++i)
        properties += wire::user_property("k", "v");
    ScriptedDevice device;
    device.connects_v5()
        .sends(wire::publish_v5("t", "x", 1, 1, properties))
        .is_closed({"disconnect 0x97"});
}

TEST_CASE(
    "every packet type in every state is answered or ends the connection",
    "[mqtt][session][M08][MQTT-3.1.0-1][MQTT-3.1.0-2]"
) {
    for (const bool five : {false, true}) {
        for (unsigned head = 0; head < 256; ++head) {
            for (const std::string& body :
                 {std::string(), wire::u16(1), wire::u16(1) + wire::u8(0), std::string(40, '\0')}) {
                ScriptedDevice fresh;
                fresh.sends(wire::packet(head, body));
                CHECK(fresh.last == Next::end);
                CHECK(fresh.intake.taken.empty());

                ScriptedDevice device;
                five ? device.connects_v5() : device.connects();
                device.sends(wire::packet(head, body));
                (void)device.take_output();
                const unsigned type = head >> 4;
                const bool of_a_client =
                    type == 3 || type == 6 || type == 8 || type == 10 || type == 12 || type == 14;
                if (!of_a_client) CHECK(device.last == Next::end);
                device.sends(wire::pingreq());  // no crash afterwards either
            }
        }
    }
    ScriptedDevice twice;
    twice.connects_v5().sends(wire::connect_v5()).is_closed({"disconnect 0x82"});
}

TEST_CASE("a packet over the maximum ends the connection before it is stored", "[mqtt][session]") {
    ScriptedDevice device;
    device.connects_v5()
        .sends(wire::u8(0x30) + wire::varint(300'000))
        .is_closed({"disconnect 0x95"});
    ScriptedDevice fresh;
    fresh.sends(wire::u8(0x10) + wire::varint(268'435'455)).is_closed();
}

TEST_CASE(
    "an unknown protocol level is named, an unknown protocol is not answered",
    "[mqtt][session][MQTT-3.1.2-1][MQTT-3.1.2-2]"
) {
    wire::Connect connect;
    connect.version = 6;
    ScriptedDevice newer;
    newer.v5 = true;
    newer.sends(wire::connect(connect)).is_closed({"connack 0x84"});
    connect.version = 2;
    ScriptedDevice older;
    older.sends(wire::connect(connect)).is_closed({"connack 1"});
    connect.protocol = "HTTP";
    ScriptedDevice other;
    other.sends(wire::connect(connect)).is_closed();
    ScriptedDevice browser;
    browser.sends("GET / HTTP/1.1\r\nHost: x\r\n\r\n").is_closed();
}

TEST_CASE("extended authentication is not offered", "[mqtt][session]") {
    ScriptedDevice device;
    device.v5 = true;
    device.sends(wire::connect_v5("dev", wire::u8(0x15) + wire::text("SCRAM")))
        .is_closed({"connack 0x8c"});
}

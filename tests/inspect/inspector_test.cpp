#include "inspect/inspector.h"

#include "base/iso_time.h"
#include "inspect/event_time.h"
#include "inspect/support.h"

#include <catch2/catch.hpp>

using namespace penstock;
using namespace penstock::inspect;
using Catch::Contains;

TEST_CASE("a heart rate of 150 is HIGH_HEART_RATE and one of 80 is NORMAL", "[inspect]") {
    Desk desk(kWearables);
    const Said high = desk.says(
        "iot/wearable/data",
        R"({"deviceId":"w1","heartRate":150,"steps":12,"timestamp":"2026-01-02T03:04:01.5Z","extra":[1]})"
    );
    CHECK(high.accepted());
    CHECK(high.record.status() == "HIGH_HEART_RATE");
    CHECK(high.record.stream() == "wearables");
    CHECK(high.record.device() == "w1");
    CHECK(high.record.client() == "client-1");
    CHECK(high.record.device_hash() == device_hash("w1"));
    CHECK(high.record.event_time() == kArrival - 3'500 * kMillisecond);
    CHECK(high.record.arrival_time() == kArrival);
    CHECK(high.record.topic() == "iot/wearable/data");
    CHECK(high.record.flags() == 0);
    CHECK(high.text("heartRate") == "150");
    CHECK(high.text("extra") == "[1]");
    CHECK(high.record.field_count() == 5);
    REQUIRE(high.metrics.size() == 1);
    CHECK(high.metrics[0].value == 150);
    CHECK(high.record.field(high.metrics[0].field).name == "heartRate");
    const Said low = desk.says("iot/x/data", R"({"deviceId":"w1","heartRate":80})");
    CHECK(low.record.status() == "NORMAL");
}

TEST_CASE("broken JSON in a field that no schema names is not accepted", "[inspect][M27]") {
    Desk desk(kWearables);
    for (const char* broken :
         {R"({"deviceId":"w1","heartRate":80,"other":tru})",
          R"({"deviceId":"w1","heartRate":80,"other":01})",
          R"({"deviceId":"w1","heartRate":80,"other":"\x"})",
          R"({"deviceId":"w1","heartRate":80,"other":[1,]})",
          R"({"deviceId":"w1","heartRate":80,"other":{"a":}})",
          R"({"deviceId":"w1","heartRate":80}x)",
          "{\"deviceId\":\"w1\",\"heartRate\":80,\"other\":\"\xff\"}"}) {
        INFO(broken);
        const Said said = desk.says("iot/wearable/data", broken);
        CHECK(said.outcome == Examined::Outcome::quarantined);
        CHECK(said.refusal == Refusal::invalid_json);
        CHECK(said.record.quarantined());
        CHECK(said.record.reason() == said.reason);
        CHECK(said.record.payload() == broken);
        CHECK(said.record.device() == "client-1");
        CHECK(said.metrics.empty());
    }
}

TEST_CASE("a field that breaks its rule is told by name, rule and pointer", "[inspect]") {
    Desk desk(R"(
streams:
  s:
    topics: ["t"]
    fields:
      heartRate: { type: number, min: 20, max: 250, required: true }
      steps: { type: integer }
      mode: { type: string, enum: [eco, "a\"b"], max_length: 4 }
      gear: { type: integer, enum: [1, 2] }
      on: { type: boolean }
      position: { type: object }
      position.lat: { type: number, max: 90 }
      tags: { type: array }
)");
    const auto fault = [&](const std::string& members) {
        const Said said = desk.says("t", "{" + members + "}");
        CHECK(said.accepted() == said.reason.empty());
        return said.reason + " " + said.pointer;
    };
    const std::string ok = R"("heartRate":80)";
    CHECK(fault(ok) == " ");
    CHECK(fault(R"("heartRate":251)") == "invalid_field: heartRate must be at most 250 /heartRate");
    CHECK(
        fault(R"("heartRate":19.99)") == "invalid_field: heartRate must be at least 20 /heartRate"
    );
    CHECK(fault(R"("heartRate":"80")") == "invalid_field: heartRate must be a number /heartRate");
    CHECK(fault("") == "invalid_field: heartRate is required /heartRate");
    CHECK(fault(R"("heartRate":null)") == "invalid_field: heartRate is required /heartRate");
    CHECK(
        fault(ok + R"(,"steps":1.0)") ==
        "invalid_field: steps must be an integer of at most 64 bits /steps"
    );
    CHECK(fault(ok + R"(,"steps":9223372036854775808)") != " ");
    CHECK(
        fault(ok + R"(,"steps":null,"mode":"\u0065co","gear":2,"on":true,"tags":[]})").empty() ==
        false
    );
    CHECK(fault(ok + R"(,"mode":"\u0065co","gear":2,"on":false,"tags":[])") == " ");
    CHECK(fault(ok + R"(,"mode":"a\"b")") == " ");
    CHECK(
        fault(ok + R"(,"mode":"fast")") ==
        "invalid_field: mode must be one of the values that are configured /mode"
    );
    CHECK(
        fault(ok + R"(,"mode":"faster")") ==
        "invalid_field: mode must not be longer than 4 characters /mode"
    );
    CHECK(
        fault(ok + R"(,"gear":3)") ==
        "invalid_field: gear must be one of the values that are configured /gear"
    );
    CHECK(fault(ok + R"(,"on":1)") == "invalid_field: on must be true or false /on");
    CHECK(fault(ok + R"(,"position":1)") == "invalid_field: position must be an object /position");
    CHECK(
        fault(ok + R"(,"position":{"lat":91})") ==
        "invalid_field: position.lat must be at most 90 /position/lat"
    );
    CHECK(
        fault(ok + R"(,"position":{"lat":90,"lon":"x"},"tags":{})") ==
        "invalid_field: tags must be an array /tags"
    );
}

TEST_CASE("with on_invalid refuse nothing is kept", "[inspect]") {
    Desk desk("streams: { s: { topics: [t], on_invalid: refuse, fields: { a: { type: number } } } }"
    );
    const Said said = desk.says("t", R"({"a":"x"})");
    CHECK(said.outcome == Examined::Outcome::refused);
    CHECK(said.refusal == Refusal::invalid_field);
    CHECK(desk.says("t", "x").outcome == Examined::Outcome::refused);
}

TEST_CASE("what no stream takes is kept as _unrouted, or refused", "[inspect]") {
    const std::string streams = "streams: { s: { topics: [t] } }\n";
    Desk keeps(streams);
    const Said kept = keeps.says("other\n/topic", "not even JSON");
    CHECK(kept.outcome == Examined::Outcome::quarantined);
    CHECK(kept.refusal == Refusal::unrouted);
    CHECK(kept.record.stream() == "_unrouted");
    CHECK(kept.reason == "unrouted: no stream takes the topic 'other\\x0a/topic'");
    CHECK(keeps.posts("nothing", "{}").reason == "unrouted: there is no stream 'nothing'");
    CHECK(keeps.posts("s", R"({"a":1})").refusal == Refusal::invalid_device);
    Desk refuses(streams + "unrouted: refuse\n");
    CHECK(refuses.says("other", "{}").outcome == Examined::Outcome::refused);
}

TEST_CASE("the device id comes from a field, a topic level or the client", "[inspect]") {
    const auto device =
        [](const std::string& source, std::string_view topic, std::string_view payload) {
            Desk desk("streams: { s: { topics: ['#'], device: { " + source + " } } }");
            const Said said = desk.says(topic, payload);
            return said.accepted() ? std::string(said.record.device()) : said.reason;
        };
    CHECK(device("field: id", "t", R"({"id":"a\u0062"})") == "ab");
    CHECK(device("field: id", "t", R"({"id":17})") == "17");
    CHECK(device("field: meta.id", "t", R"({"meta":{"id":"x"}})") == "x");
    CHECK(
        device("field: id", "t", R"({"id":1.5})") ==
        "invalid_device: the device id must be a string or an integer"
    );
    CHECK(
        device("field: id", "t", "{}") ==
        "invalid_device: the field that holds the device id is missing"
    );
    CHECK(device("field: id", "t", R"({"id":""})") == "invalid_device: there is no device id");
    CHECK(
        device("field: id", "t", R"({"id":"a\nb"})") ==
        "invalid_device: the device id holds characters that are not printable"
    );
    CHECK(
        device("field: id", "t", R"({"id":")" + std::string(256, 'x') + "\"}") ==
        "invalid_device: the device id is longer than 255 bytes"
    );
    CHECK(device("topic_level: 2", "a/b/c", "{}") == "b");
    CHECK(device("topic_level: 3", "a/b/c", "{}") == "c");
    CHECK(device("topic_level: 4", "a/b/c", "{}") == "invalid_device: there is no device id");
    CHECK(device("client_id: true", "t", "{}") == "client-1");
    CHECK(device("", "t", "{}") == "client-1");
}

TEST_CASE("a device that is its own client is stored once", "[inspect]") {
    Desk desk("streams: { s: { topics: ['#'], device: { field: id } } }");
    CHECK(desk.says("t", R"({"id":"client-1"})").record.client() == "client-1");
    CHECK(desk.says("t", R"({"id":"other"})").record.client() == "client-1");
    const auto size = [&](const char* payload) { return desk.says("t", payload).bytes.size(); };
    CHECK(size(R"({"id":"client-1"})") <= size(R"({"id":"client-2"})"));
}

TEST_CASE("event times are read in every notation", "[inspect]") {
    const auto time = [](const std::string& format, const std::string& value) -> std::string {
        Desk desk("streams: { s: { topics: ['#'], time: { field: t, format: " + format + " } } }");
        const Said said = desk.says("t", "{\"t\":" + value + "}");
        if ((said.record.flags() & kEventTimeReplaced) != 0)
            return said.record.event_time() == kArrival ? "replaced" : "wrong";
        return std::to_string(said.record.event_time() - 1'767'000'000 * kSecond);
    };
    CHECK(time("auto", "1767000001") == "1000000000");
    CHECK(time("auto", "1767000001.25") == "1250000000");
    CHECK(time("auto", "1767000001123") == "1123000000");
    CHECK(time("auto", "1767000001123456") == "1123456000");
    CHECK(time("auto", "1767000001123456789") == "1123456789");
    CHECK(time("auto", "\"1767000001123\"") == "1123000000");
    CHECK(time("auto", "\"2025-12-29T09:20:01Z\"") == "1000000000");
    CHECK(time("auto", "\"2025-12-29T10:20:01.000000001+01:00\"") == "1000000001");
    CHECK(time("auto", "\"2025-12-29\\u005409:20:01\"") == "1000000000");
    CHECK(time("s", "1767000001.123456789") == "1123456789");
    CHECK(time("ms", "1767000001123.5") == "1123500000");
    CHECK(time("us", "1767000001123456") == "1123456000");
    CHECK(time("ns", "1767000001123456789") == "1123456789");
    CHECK(time("iso8601", "1767000001") == "replaced");
    CHECK(time("s", "\"2025-12-29T09:20:01Z\"") == "replaced");
    CHECK(time("s", "1767000001123") == "replaced");
    for (const char* bad :
         {"null",
          "true",
          "[]",
          "{}",
          "\"\"",
          "\"now\"",
          "0",
          "-1",
          "1e9",
          "1.767e9",
          "946684800",
          "99999999999999999999999",
          "\"2026-13-01\"",
          "\"1970-01-01T00:00:07Z\""}) {
        INFO(bad);
        CHECK(time("auto", bad) == "replaced");
    }
}

TEST_CASE("the short way of reading a time agrees with the long one on every day", "[inspect]") {
    std::string text;
    for (Nanoseconds day = 0; day < 50'000; ++day) {
        const Nanoseconds wall = day * 86'400 * kSecond + day * 1'234'567'891 % (86'400 * kSecond);
        text.clear();
        append_iso_time(wall, text);
        Known known;
        known.kind = Known::Kind::string;
        known.text = text.data();
        known.size = static_cast<std::uint32_t>(text.size());
        INFO(text);
        REQUIRE(parse_event_time(known, TimeFormat::iso8601) == parse_iso_time(text));
        text[static_cast<std::size_t>(day) % text.size()] ^= static_cast<char>(1 << day % 7);
        REQUIRE(parse_event_time(known, TimeFormat::iso8601) == parse_iso_time(text));
    }
}

TEST_CASE("a time beyond max_future is replaced by the arrival", "[inspect]") {
    Desk desk("streams: { s: { topics: ['#'], time: { field: t, format: ns, max_future: 1s } } }");
    const auto flags = [&](Nanoseconds wall) {
        return desk.says("t", "{\"t\":" + std::to_string(wall) + "}").record.flags();
    };
    CHECK(flags(kArrival + kSecond) == 0);
    CHECK(flags(kArrival + kSecond + 1) == kEventTimeReplaced);
    CHECK(desk.says("t", "{}").record.flags() == kEventTimeReplaced);
}

TEST_CASE("derived fields stand behind the device's own", "[inspect]") {
    Desk desk(R"yaml(
streams:
  s:
    topics: ["#"]
    derive:
      fahrenheit: "celsius * 1.8 + 32"
      hot: "fahrenheit > 100"
      label: "if(hot, 'hot \"x\"', mode)"
      absent: "1 / 0"
    score: [fahrenheit]
)yaml");
    const Said said = desk.says("t", R"({"celsius":40.5,"mode":"m","fahrenheit":1})");
    CHECK(said.accepted());
    REQUIRE(said.record.field_count() == 6);
    const Field derived = said.record.field(3);
    CHECK(derived.name == "fahrenheit");
    CHECK(derived.text == "104.9");
    CHECK(derived.type == FieldType::number);
    CHECK(derived.derived);
    CHECK(said.record.field(4).text == "true");
    CHECK(said.record.field(4).type == FieldType::boolean);
    CHECK(said.record.field(5).text == "hot \"x\"");
    CHECK(said.record.field(5).type == FieldType::string);
    REQUIRE(said.metrics.size() == 1);
    CHECK(said.metrics[0].field == 3);
    CHECK(said.metrics[0].value == 104.9);
    CHECK(
        desk.says("t", R"({"celsius":10})").record.find("fahrenheit")->type == FieldType::integer
    );
    CHECK(desk.says("t", R"({"celsius":"warm","fahrenheit":3})").metrics.empty());
}

TEST_CASE("the first status whose condition holds is taken, else the last resort", "[inspect]") {
    Desk desk(R"(
streams:
  s:
    topics: ["#"]
    status:
      - { when: "t > 50", is: HOT }
      - { when: "t > 20 and mode != 'off'", is: WARM }
      - { otherwise: FINE }
)");
    const auto status = [&](const char* payload) {
        return std::string(desk.says("t", payload).record.status());
    };
    CHECK(status(R"({"t":51,"mode":"off"})") == "HOT");
    CHECK(status(R"({"t":21,"mode":"on"})") == "WARM");
    CHECK(status(R"({"t":21,"mode":"off"})") == "FINE");
    CHECK(status(R"({"t":21})") == "FINE");
    CHECK(status("{}") == "FINE");
}

TEST_CASE("a sequence number, RETAIN and DUP travel with the record", "[inspect]") {
    Desk desk("streams: { s: { topics: ['#'], sequence: seq } }");
    Message message;
    message.topic = "t";
    message.client_id = "c";
    message.qos = 1;
    message.retain = true;
    message.duplicate = true;
    const Said said = desk.says(message, R"({"seq":18446744073709551615})");
    CHECK(said.record.sequence() == 18'446'744'073'709'551'615U);
    CHECK(said.record.flags() == (kRetain | kDuplicate | kHasSequence));
    CHECK(said.record.qos() == 1);
    CHECK(desk.says("t", R"({"seq":-1})").record.sequence() == std::nullopt);
}

TEST_CASE("a payload over the limit is quarantined up to the limit", "[inspect]") {
    Desk desk("streams: { s: { topics: ['#'] } }\npayload: { max_size: 1KiB }\n");
    const std::string large = "{\"a\":\"" + std::string(1024, 'x') + "\"}";
    const Said said = desk.says("t", large);
    CHECK(said.refusal == Refusal::too_large);
    CHECK(said.record.payload() == large.substr(0, 1024));
}

TEST_CASE("a record that is examined twice comes out the same", "[inspect]") {
    Desk desk(kWearables);
    const char* payload = R"({"deviceId":"w\u0031","heartRate":150,"x":{"y":{"z":"\n"}}})";
    const Said once = desk.says("iot/wearable/data", payload);
    (void)desk.says("iot/wearable/data", R"({"deviceId":"\u0061","heartRate":1,"k":"v"})");
    CHECK(desk.says("iot/wearable/data", payload).bytes == once.bytes);
}

TEST_CASE("wrong settings are told all at once, with file, line and column", "[inspect][config]") {
    const std::string text = problems_of(R"(streams:
  wearables:
    topics: ["a/#/b", ok]
    device: { field: id, topic_level: 2 }
    fields:
      heartRate: { type: number, min: 9, max: 3 }
      mode: { type: string, min: 1 }
      gear: { type: integer, enum: [x] }
      position: { type: object }
    derive:
      pace: "heartRate +"
      heartRate: "1"
    status:
      - { when: "heartrate > 140", is: HIGH }
      - { when: "heartRate > 140 > 3", is: HIGH }
      - { when: "position.lat > 1", is: NORTH }
      - { otherwise: A, is: B }
    score: [hartRate, mode, mode]
)");
    INFO(text);
    CHECK_THAT(text, Contains("test.yaml:3:14: '#' must be the last level of a topic filter"));
    CHECK_THAT(text, Contains("give only one of field, topic_level and client_id"));
    CHECK_THAT(text, Contains("min must not be larger than max"));
    CHECK_THAT(text, Contains("min and max need 'type: number' or 'integer'"));
    CHECK_THAT(text, Contains("must be a number"));
    CHECK_THAT(text, Contains("test.yaml:11:25: the expression ends where a value must stand"));
    CHECK_THAT(text, Contains("test.yaml:12:18: 'heartRate' is already a field of the device"));
    CHECK_THAT(
        text,
        Contains("test.yaml:14:17: no field 'heartrate' is declared under 'fields' or 'derive'; "
                 "did you mean 'heartRate'?")
    );
    CHECK_THAT(
        text, Contains("test.yaml:15:34: comparisons cannot be chained; join them with 'and'")
    );
    CHECK_THAT(text, !Contains("position.lat"));
    CHECK_THAT(text, Contains("'otherwise' stands alone, without 'when' and 'is'"));
    CHECK_THAT(text, Contains("test.yaml:18:13: no field 'hartRate' is declared"));
    CHECK_THAT(text, Contains("'mode' stands twice in 'score'"));
}

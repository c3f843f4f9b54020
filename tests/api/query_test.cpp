#include "api/query.h"

#include "api/fake_history.h"
#include "support/fake_clock.h"

#include <catch2/catch.hpp>

namespace penstock::api {
namespace {

struct House {
    test::FakeHistory history;
    test::FakeClock clock;
    Query query{history, JournalId{}, clock};

    Answer ask_history(const std::string& parameters, const std::string& device = "w1") {
        return query.history(device, *Target::parse("/x?" + parameters));
    }
};

bool holds(const Answer& answer, std::string_view text) {
    return answer.body.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("query: devices are listed by pages, names escaped", "[api][A13]") {
    House house;
    const Answer first = house.query.devices(*Target::parse("/v1/devices?limit=2"));
    CHECK(first.status == 200);
    CHECK(
        first.body == R"({"devices":[{"device":"a","stream":"wearables","lastEventTime":)"
                      R"("2026-01-02T03:04:05.678Z","lastLsn":7,"records":3},)"
                      R"({"device":"b\"\n","stream":"wearables","lastEventTime":)"
                      R"("2026-01-02T03:04:05.678Z","lastLsn":7,"records":3}],)"
                      R"("next":"b\"\n"})"
                      "\n"
    );
    const Answer second = house.query.devices(*Target::parse("/v1/devices?limit=2&after=b%22%0a"));
    CHECK(holds(second, R"("device":"c/d")"));
    CHECK(second.body.ends_with("\"next\":null}\n"));
}

TEST_CASE("query: the latest state is the enriched record", "[api]") {
    House house;
    house.history.add(test::RecordBuilder().payload(R"({"heartRate":80})").status("NORMAL"));
    const Answer answer = house.query.latest("w1");
    CHECK(answer.status == 200);
    CHECK(answer.body.starts_with(R"({"heartRate":80,"status":"NORMAL",)"));
    CHECK(house.query.latest("w2").status == 404);
}

TEST_CASE("query: history pages, filters and bounds reach the journal", "[api]") {
    House house;
    for (int i = 0; i < 3; ++i)
        house.history.add(test::RecordBuilder().payload("{\"n\":" + std::to_string(i) + "}"));
    const Answer page = house.ask_history(
        "from=2026-01-01T00:00:00Z&to=2026-01-02T01:00:00%2B01:00&stream=wearables&limit=2"
    );
    CHECK(page.status == 200);
    CHECK(page.body.starts_with(R"({"device":"w1","records":[{"n":0,)"));
    CHECK(page.body.ends_with("],\"next\":\"2\"}\n"));
    const auto asked = house.history.queries.back();
    CHECK(asked.device == "w1");
    CHECK(asked.stream == "wearables");
    CHECK(asked.from == 1'767'225'600 * kSecond);
    CHECK(asked.to == 1'767'312'000 * kSecond);
    CHECK(house.ask_history("after=2").body.ends_with("],\"next\":null}\n"));
}

TEST_CASE("query: chosen fields are answered without the rest", "[api]") {
    House house;
    house.history.add(test::RecordBuilder()
                          .payload("{}")
                          .status("HIGH")
                          .score(0.5)
                          .field("heartRate", "150", FieldType::integer)
                          .field("note", "a\"b", FieldType::string));
    CHECK(
        house.ask_history("fields=heartRate,note,absent").body ==
        R"({"device":"w1","records":[{"eventTime":"2026-01-02T03:04:05.678Z","lsn":1,"stream":"wearables",)"
        R"("status":"HIGH","score":0.5,"fields":{"heartRate":150,"note":"a\"b"}}],"next":null})"
        "\n"
    );
}

TEST_CASE("query: a field that is asked for twice is answered once", "[api]") {
    House house;
    house.history.add(
        test::RecordBuilder().payload("{}").field("heartRate", "150", FieldType::integer)
    );
    CHECK(holds(house.ask_history("fields=heartRate,heartRate"), R"("fields":{"heartRate":150}})"));
}

TEST_CASE("query: bad parameters are 400 with the reason", "[api]") {
    House house;
    for (const auto* parameters :
         {"limit=0",
          "limit=10001",
          "limit=x",
          "limit=-1",
          "limit=1&limit=2",
          "from=yesterday",
          "to=",
          "from=9999999999999999999999",
          "from=2026-01-02&to=2026-01-01",
          "fields=",
          "fields=,,",
          "form=1",
          "after=x"}) {
        INFO(parameters);
        const Answer answer = house.ask_history(parameters);
        CHECK(answer.status == 400);
        CHECK(holds(answer, "\"message\":"));
    }
    CHECK(house.query.devices(*Target::parse("/v1/devices?device=x")).status == 400);
}

TEST_CASE("query: errors of the journal are told apart", "[api]") {
    House house;
    CHECK(house.ask_history("", "nobody").status == 404);
    house.history.fails = true;
    CHECK(house.ask_history("").status == 500);
}

TEST_CASE("query: a page of large records ends early and can be continued", "[api]") {
    House house;
    const std::string large = "{\"a\":\"" + std::string(6 << 20, 'x') + "\"}";
    for (int i = 0; i < 8; ++i)
        house.history.add(test::RecordBuilder().payload(large));
    const Answer page = house.ask_history("limit=100");
    CHECK(page.status == 200);
    CHECK(page.body.size() < (std::size_t{24} << 20));
    CHECK(page.body.ends_with("],\"next\":\"3\"}\n"));
}

TEST_CASE("query: times are read in every form that operators use", "[api]") {
    constexpr Nanoseconds kNow = 1'767'225'600 * kSecond;
    CHECK(parse_when("1767225600", 0) == kNow);
    CHECK(parse_when("1767225600000", 0) == kNow);
    CHECK(parse_when("1767225600000000", 0) == kNow);
    CHECK(parse_when("1767225600000000000", 0) == kNow);
    CHECK(parse_when("2026-01-01T00:00:00Z", 0) == kNow);
    CHECK(parse_when("-15m", kNow) == kNow - 900 * kSecond);
    CHECK(parse_when("-5", 0) == -5 * kSecond);
    CHECK_FALSE(parse_when("-15x", kNow));
    CHECK_FALSE(parse_when("", kNow));
}

TEST_CASE("target: segments and parameters are decoded one by one", "[api]") {
    const auto target = Target::parse("/v1/devices/a%2Fb%3F/history?from=a%26b&to=1+2#x");
    REQUIRE(target);
    CHECK(target->segments == std::vector<std::string>{"v1", "devices", "a/b?", "history"});
    CHECK(*target->find("from") == "a&b");
    CHECK(*target->find("to") == "1+2");
    CHECK_FALSE(Target::parse("/%zz"));
    CHECK_FALSE(Target::parse("relative"));
    CHECK_FALSE(Target::parse("/" + std::string(100, '/')));
}

}  // namespace penstock::api

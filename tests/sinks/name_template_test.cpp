#include "sinks/name_template.h"

#include "sinks/stream/kafka_config.h"
#include "support/record_builder.h"

#include <catch2/catch.hpp>

#include <string>

namespace penstock::sinks {
namespace {

using test::RecordBuilder;

constexpr NameRules kPaths{};
constexpr NameRules kTokens{NameRules::Escape::percent_dot, true, true, 200, " *>"};

NameTemplate parsed(std::string_view pattern, const NameRules& rules) {
    auto made = NameTemplate::parse(pattern, rules);
    INFO((made.ok() ? "" : made.error().message));
    REQUIRE(made.ok());
    return *std::move(made);
}

std::string refused(std::string_view pattern, const NameRules& rules) {
    const auto made = NameTemplate::parse(pattern, rules);
    return made.ok() ? "" : made.error().message;
}

std::string name(std::string_view pattern, const NameRules& rules, RecordBuilder& record) {
    std::string scratch = "left over";
    return std::string(parsed(pattern, rules).of(record.view(), scratch));
}

TEST_CASE("name template: literal text and words of the record", "[sinks][R7]") {
    RecordBuilder record;
    record.device("w1").client("gate").stream("wearables").status("NORMAL").topic("t/1");
    CHECK(name("all", kPaths, record) == "all");
    CHECK(name("a/{stream}/{device}", kPaths, record) == "a/wearables/w1");
    CHECK(name("a.{client}.{status}.z", kTokens, record) == "a.gate.NORMAL.z");
    CHECK(name("x{topic}", kPaths, record) == "xt%2F1");
    CHECK(parsed("all", kPaths).constant());
    CHECK_FALSE(parsed("all{device}", kPaths).constant());
}

TEST_CASE("name template: no device leaves its place", "[sinks][R7]") {
    const auto [device, path, token] = GENERATE(table<std::string, std::string, std::string>({
        {"../../etc/passwd", "p/..%2F..%2Fetc%2Fpasswd", "p.%2E%2E%2F%2E%2E%2Fetc%2Fpasswd"},
        {"..", "p/%2E%2E", "p.%2E%2E"},
        {"", "p/%00", "p.%00"},
        {"a.b", "p/a.b", "p.a%2Eb"},
        {"*", "p/%2A", "p.%2A"},
        {"a b\r\n>", "p/a%20b%0D%0A%3E", "p.a%20b%0D%0A%3E"},
        {"+/#", "p/%2B%2F%23", "p.%2B%2F%23"},
        {"Ger\xC3\xA4t", "p/Ger%C3%A4t", "p.Ger%C3%A4t"},
        {"%2e", "p/%252e", "p.%252e"},
    }));
    RecordBuilder record;
    record.device(device);
    CHECK(name("p/{device}", kPaths, record) == path);
    CHECK(name("p.{device}", kTokens, record) == token);
}

TEST_CASE("name template: long names are cut and stay different", "[sinks][R7]") {
    RecordBuilder one;
    one.device(std::string(300, '#') + "1");
    RecordBuilder two;
    two.device(std::string(300, '#') + "2");
    const std::string a = name("p.{device}.{device}", kTokens, one);
    const std::string b = name("p.{device}.{device}", kTokens, two);
    CHECK(a.size() == 200);
    CHECK(b.size() == 200);
    CHECK(a != b);
}

TEST_CASE("name template: what a pattern must be", "[sinks][R7]") {
    CHECK(refused("", kPaths) == "must not be empty");
    CHECK_THAT(refused("{device}/x", kPaths), Catch::Contains("must begin with a literal text"));
    CHECK_THAT(refused("p/{devcie}", kPaths), Catch::Contains("{device}"));
    CHECK_THAT(refused("p/{device", kPaths), Catch::Contains("{device}"));
    CHECK_THAT(refused("p/}", kPaths), Catch::Contains("must not hold '}'"));
    CHECK_THAT(refused("p.*", kTokens), Catch::Contains("must not hold '*'"));
    CHECK_THAT(refused("p\n", kPaths), Catch::Contains("must not hold"));
    CHECK_THAT(refused(std::string(201, 'x'), kTokens), Catch::Contains("at most 200"));
}

TEST_CASE("name template: a Kafka topic takes words of the settings only", "[sinks][kafka][R7]") {
    RecordBuilder record;
    record.stream("doors").status("A/B C");
    CHECK(name("telemetry", kafka_topic_rules(), record) == "telemetry");
    CHECK(name("t.{stream}", kafka_topic_rules(), record) == "t.doors");
    CHECK(name("t.{stream}.{status}.v1", kafka_topic_rules(), record) == "t.doors.A_B_C.v1");
    record.stream(std::string(255, 'x'));
    CHECK(name("t.{stream}", kafka_topic_rules(), record).size() == 249);
    CHECK_THAT(refused("t.{device}", kafka_topic_rules()), Catch::Contains("a device must not"));
    CHECK_THAT(refused("t/{stream}", kafka_topic_rules()), Catch::Contains("must not hold '/'"));
}

TEST_CASE("name template: a key holds what the device sent, byte for byte", "[sinks][kafka]") {
    RecordBuilder record;
    record.device("../\n\xff").stream("doors");
    CHECK(name("{device}", kafka_key_rules(), record) == "../\n\xff");
    CHECK(name("{stream}/{device}", kafka_key_rules(), record) == "doors/../\n\xff");
}

TEST_CASE("name template: a name in lower case", "[sinks][R7]") {
    constexpr NameRules kLower{
        .escape = NameRules::Escape::lower, .device_text = false, .forbidden = "ABC"
    };
    RecordBuilder record;
    record.stream("Ward 7/Vital-Signs.A_b").status("NORMAL");
    CHECK(name("t-{stream}.{status}", kLower, record) == "t-ward_7_vital-signs.a_b.normal");
    CHECK_FALSE(refused("tA{stream}", kLower).empty());
}

}  // namespace
}  // namespace penstock::sinks

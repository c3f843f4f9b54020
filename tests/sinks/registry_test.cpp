#include "sinks/registry.h"

#include "sinks/stream/kafka_config.h"

#include <catch2/catch.hpp>

#include <set>

namespace penstock::sinks {

struct SinksOnly {
    SinksConfig sinks;
};

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::SinksOnly> {
    static Table<sinks::SinksOnly> table() {
        return {field("sinks", &sinks::SinksOnly::sinks, "Destinations.", names_are_ids())};
    }
};

namespace penstock::sinks {
namespace {

std::optional<SinksOnly> read(const std::string& text, config::Problems& problems) {
    return config::read<SinksOnly>(text, "p.yaml", problems);
}

TEST_CASE("registry: a sink is read by its type, with common and own keys", "[sinks][config]") {
    config::Problems problems;
    const auto settings = read(
        "sinks:\n"
        "  events:\n"
        "    type: kafka\n"
        "    brokers: [\"127.0.0.1:9092\"]\n"
        "    topic: telemetry\n"
        "    streams: [wearables, doors]\n"
        "    start_at: latest\n"
        "    retry: { longest: 5s }\n"
        "    options: { socket.keepalive.enable: \"true\" }\n",
        problems
    );
    INFO(problems.text());
    REQUIRE(settings);
    const auto* sink = settings->sinks.find("events");
    REQUIRE(sink != nullptr);
    CHECK((*sink)->streams == std::vector<std::string>{"wearables", "doors"});
    CHECK((*sink)->start_at.kind == StartAt::Kind::latest);
    CHECK((*sink)->retry.longest == std::chrono::seconds(5));
    const auto* kafka = sink->as<KafkaConfig>();
    REQUIRE(kafka != nullptr);
    CHECK(kafka->topic == "telemetry");
    CHECK(make_sink(*sink, {"events", {}, {}}).ok());
}

TEST_CASE(
    "registry: wrong settings are told with line and column, all at once", "[sinks][config]"
) {
    config::Problems problems;
    CHECK_FALSE(read(
        "sinks:\n"
        "  events:\n"
        "    type: kafak\n"
        "  more:\n"
        "    type: kafka\n"
        "    brokers: [\"a:1\"]\n"
        "    topc: telemetry\n"
        "  other:\n"
        "    type: kafka\n"
        "    brokers: [\"a:1\"]\n"
        "    topic: t\n"
        "    retry: { first: 10s, longest: 5s }\n",
        problems
    ));
    const std::string text = problems.text();
    INFO(text);
    CHECK(text.find("p.yaml:3:") != std::string::npos);
    CHECK(text.find("did you mean 'kafka'") != std::string::npos);
    CHECK(text.find("p.yaml:7:5: unknown key") != std::string::npos);
    CHECK(text.find("p.yaml:12:") != std::string::npos);
}

TEST_CASE("registry: types have names of their own, and make says when there is none", "[sinks]") {
    std::set<std::string> types;
    for (const SinkKind& kind : sink_kinds())
        CHECK(types.insert(kind.type).second);
    CHECK(types.contains("kafka"));
    const auto unknown = config::Variant<SinkConfig>::of("pigeon", KafkaConfig{});
    const auto made = make_sink(unknown, {});
    REQUIRE_FALSE(made.ok());
    CHECK(made.error().code == Errc::unsupported);
}

}  // namespace
}  // namespace penstock::sinks

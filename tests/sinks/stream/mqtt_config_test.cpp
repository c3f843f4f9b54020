#include "sinks/stream/mqtt_config.h"

#include <catch2/catch.hpp>

#include <optional>
#include <string>

namespace penstock::sinks {
namespace {

std::optional<MqttConfig> settings_of(const std::string& more, config::Problems& problems) {
    return config::read<MqttConfig>("server: broker\ntopic: site/{device}\n" + more, "t", problems);
}

std::string complaint(const std::string& more) {
    config::Problems problems;
    static_cast<void>(settings_of(more, problems));
    return problems.text();
}

TEST_CASE("mqtt: versions are written as they are called", "[sinks][mqtt][config]") {
    config::Problems problems;
    CHECK(settings_of("version: 5", problems).value().version == mqtt::Version::v5);
    CHECK(settings_of("version: 3.1.1", problems).value().version == mqtt::Version::v311);
    CHECK_THAT(complaint("version: 4"), Catch::Contains("version"));
}

TEST_CASE("mqtt: settings that do not fit together are complained about", "[sinks][mqtt][config]") {
    using Catch::Contains;
    CHECK(complaint("").empty());
    CHECK_THAT(complaint("password: x"), !Contains("needs version 5"));
    CHECK_THAT(complaint("password: x\nversion: 3.1.1"), Contains("needs version 5"));
    CHECK_THAT(complaint("password: x"), Contains("unprotected"));
    CHECK_THAT(complaint("tls: { ca: x }"), Contains("use_tls"));
    CHECK_THAT(complaint("max_in_flight: 65536"), Contains("max_in_flight"));
    CHECK_THAT(complaint("keep_alive: 20h"), Contains("keep_alive"));
    CHECK_THAT(complaint("client_id: \"a\\0b\""), Contains("client_id"));
    CHECK_THAT(complaint("client_id: " + std::string(257, 'x')), Contains("client_id"));
}

TEST_CASE("mqtt: a topic is text behind a literal beginning", "[sinks][mqtt][config][R7]") {
    const auto problem = [](const std::string& topic) {
        MqttConfig config;
        config.topic = topic;
        config::Problems problems;
        config::Fields<MqttConfig>::check(config, {}, problems);
        return problems.text();
    };
    for (const char* good : {"a", "a/{device}/b", "site-{stream}/{topic}", "$aws/rules/r/{device}"})
        CHECK(problem(good).empty());
    for (const char* bad :
         {"", "{device}", "{device}/a", "a/+/b", "a/#", "a\x01", "a/\xff", "a/{id}"}) {
        CAPTURE(bad);
        CHECK_THAT(problem(bad), Catch::Contains("'topic'"));
    }
}

}  // namespace
}  // namespace penstock::sinks

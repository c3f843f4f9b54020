#include "sinks/stream/nats_config.h"

#include <catch2/catch.hpp>

#include <string>

namespace penstock::sinks {
namespace {

std::string problems_with(const std::string& more) {
    config::Problems problems;
    static_cast<void>(config::read<NatsConfig>(
        "servers: [\"nats://127.0.0.1:4222\"]\nstream: T\nsubject: telemetry.{device}\n" + more,
        "p.yaml",
        problems
    ));
    return problems.text();
}

TEST_CASE("nats: settings that cannot be are refused", "[sinks][nats][config]") {
    CHECK(problems_with("").empty());
    CHECK(problems_with("credentials: /etc/penstock/nats.creds\n").empty());
    CHECK_THAT(problems_with("user: a\n"), Catch::Contains("must be set together"));
    CHECK_THAT(
        problems_with("token: b\ncredentials: c\n"), Catch::Contains("only one of user, token")
    );
    CHECK_THAT(problems_with("tls: { ca: x }\n"), Catch::Contains("use_tls"));
    CHECK_THAT(problems_with("max_in_flight: 0\n"), Catch::Contains("max_in_flight"));
}

TEST_CASE("nats: a subject is tokens behind a literal one", "[sinks][nats][config][R7]") {
    const auto problem = [](const std::string& subject) {
        NatsConfig config;
        config.servers = {"nats://127.0.0.1:4222"};
        config.stream = "T";
        config.subject = subject;
        config::Problems problems;
        config::Fields<NatsConfig>::check(config, {}, problems);
        return problems.text();
    };
    CHECK(problem("telemetry").empty());
    CHECK(problem("telemetry.{stream}.{device}").empty());
    CHECK_FALSE(problem("{device}.x").empty());
    CHECK_FALSE(problem("telemetry..x").empty());
    CHECK_FALSE(problem("telemetry.").empty());
    CHECK_FALSE(problem("telemetry.>").empty());
    CHECK_FALSE(problem("tele metry").empty());
}

TEST_CASE("nats: the subjects of a stream that is made", "[sinks][nats]") {
    CHECK(nats_subject_filter("telemetry") == "telemetry");
    CHECK(nats_subject_filter("telemetry.{stream}.{device}") == "telemetry.*.*");
    CHECK(nats_subject_filter("t.pre-{stream}.v1") == "t.*.v1");
    CHECK(nats_subject_filter("t.{stream}-{device}.x.{status}") == "t.*.x.*");
}

}  // namespace
}  // namespace penstock::sinks

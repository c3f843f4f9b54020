#include "app/health.h"

#include "app/cli.h"
#include "support/fake_http_server.h"

#include <catch2/catch.hpp>

#include <sstream>

using namespace penstock;
using app::ask_health;
using app::health_url;
using app::HealthOptions;

namespace {

api::Address address(std::string_view text) {
    return api::Address::parse(text).value();
}

HealthOptions at(const test::FakeHttpServer& server) {
    HealthOptions options;
    options.admin = "127.0.0.1:" + std::to_string(server.port());
    return options;
}

}  // namespace

TEST_CASE("health: a wildcard address means this machine", "[app][health]") {
    CHECK(health_url(address("0.0.0.0:9850"), false) == "http://127.0.0.1:9850/ready");
    CHECK(health_url(address("[::]:9850"), true) == "http://[::1]:9850/live");
    CHECK(health_url(address("10.1.2.3:80"), false) == "http://10.1.2.3:80/ready");
}

TEST_CASE("health: what the node says decides the exit code", "[app][health]") {
    int status = 200;
    test::FakeHttpServer server([&status](const test::FakeHttpRequest& request) {
        const std::string body = request.path() + " says\x1b[2J the node\n";
        return test::FakeHttpReply{
            .status = request.path() == "/live" ? 200 : status, .headers = {}, .body = body
        };
    });
    auto options = at(server);
    std::ostringstream said;
    CHECK(ask_health(options, said) == app::kExitOk);
    CHECK(said.str() == "200 /ready says [2J the node\n");

    status = 503;
    CHECK(ask_health(options, said) == app::kExitFailed);
    CHECK(said.str().ends_with("503 /ready says [2J the node\n"));

    options.live = true;
    CHECK(ask_health(options, said) == app::kExitOk);
}

TEST_CASE("health: nobody there, and somebody who does not answer, are failures", "[app][health]") {
    test::FakeHttpServer server([](const test::FakeHttpRequest&) {
        return test::FakeHttpReply{
            .headers = {}, .body = {}, .manner = test::FakeHttpReply::Manner::hang
        };
    });
    auto options = at(server);
    options.timeout_seconds = 1;
    std::ostringstream said;
    CHECK(ask_health(options, said) == app::kExitFailed);
    server.go_away();
    CHECK(ask_health(options, said) == app::kExitFailed);
    CHECK(said.str().find("no answer") != std::string::npos);
}

TEST_CASE("health: an address that is none is a wrong command line", "[app][health]") {
    std::ostringstream said;
    HealthOptions options;
    options.admin = "9850";
    CHECK(ask_health(options, said) == app::kExitUsage);
    CHECK(said.str().find("ADDRESS:PORT") != std::string::npos);
}

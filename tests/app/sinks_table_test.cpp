#include "app/sinks_table.h"

#include "app/cli.h"
#include "support/fake_http_server.h"

#include <catch2/catch.hpp>

#include <sstream>

using namespace penstock;
using app::show_sinks;
using app::sinks_table;

namespace {

constexpr std::string_view kTwo =
    R"([{"id":"events","type":"kafka","state":"backing off","lagRecords":1200,"lagBytes":1572864,)"
    R"("lagSeconds":75.5,"recordsPerSecond":12.34,"runwaySeconds":24000,)"
    R"("lastError":"no\nbroker\u001b[2J"},)"
    R"({"id":"lake","type":"archive","state":"running","lagRecords":0,"lagSeconds":0,)"
    R"("recordsPerSecond":0,"runwaySeconds":null}])";

app::SinksOptions at(const test::FakeHttpServer& server) {
    app::SinksOptions options;
    options.admin = "127.0.0.1:" + std::to_string(server.port());
    return options;
}

}  // namespace

TEST_CASE("sinks: the table lines up, and nothing in it moves a cursor", "[app][sinks]") {
    CHECK(
        sinks_table(kTwo).value() ==
        "SINK    TYPE     STATE         LAG    BYTES  OLDEST    RATE  RUNWAY  LAST ERROR\n"
        "events  kafka    backing off  1200  1.5 MiB  1m 15s  12.3/s  6h 40m  no broker [2J\n"
        "lake    archive  running         0        -    0.0s   0.0/s       -\n"
    );
    CHECK(sinks_table("[]").value().starts_with("SINK"));
    CHECK(sinks_table("{}").error().code == Errc::malformed);
    CHECK(sinks_table("").error().code == Errc::malformed);
}

TEST_CASE("sinks: the daemon is asked, with the token when there is one", "[app][sinks]") {
    std::string token;
    test::FakeHttpServer server([&token](const test::FakeHttpRequest& request) {
        const bool right = request.path() == "/v1/sinks" &&
                           request.headers.contains("authorization") == !token.empty() &&
                           (token.empty() || request.headers.at("authorization") == token);
        return test::FakeHttpReply{
            .status = right ? 200 : 401, .headers = {}, .body = right ? std::string(kTwo) : "{}"
        };
    });
    std::ostringstream out;
    std::ostringstream said;
    auto options = at(server);
    options.json = true;
    CHECK(show_sinks(options, out, said) == app::kExitOk);
    CHECK(out.str() == std::string(kTwo) + "\n");

    token = "Bearer sesame";
    CHECK(show_sinks(options, out, said) == app::kExitFailed);
    CHECK(said.str().find("401") != std::string::npos);
}

TEST_CASE("sinks: no daemon, and an address that is none, are told apart", "[app][sinks]") {
    test::FakeHttpServer server([](const test::FakeHttpRequest&) { return test::FakeHttpReply{}; });
    const auto options = at(server);
    server.go_away();
    std::ostringstream out;
    std::ostringstream said;
    CHECK(show_sinks(options, out, said) == app::kExitFailed);
    CHECK(said.str().find("no daemon answers at " + options.admin) != std::string::npos);
    app::SinksOptions none;
    none.admin = "9850";
    CHECK(show_sinks(none, out, said) == app::kExitUsage);
}

#include "sinks/transport/http_client.h"

#include "support/fake_http_server.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>

using namespace penstock;
using namespace penstock::sinks;
using penstock::test::FakeHttpReply;
using penstock::test::FakeHttpRequest;
using penstock::test::FakeHttpServer;
using Manner = FakeHttpReply::Manner;

namespace {

HttpConfig quick() {
    HttpConfig config;
    config.connect_timeout = std::chrono::seconds(1);
    config.timeout = std::chrono::seconds(1);
    return config;
}

/// For far sides that answer: a busy machine must not fail them.
HttpConfig steady() {
    HttpConfig config;
    config.timeout = std::chrono::minutes(1);
    return config;
}

HttpRequest post(const FakeHttpServer& server, std::string_view body) {
    return {"POST", server.endpoint() + "/write", {}, body};
}

double seconds_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TEST_CASE("http client: a body arrives as it is, and the answer comes back", "[sinks][http]") {
    FakeHttpRequest seen;
    FakeHttpServer server([&](const FakeHttpRequest& request) {
        seen = request;
        return FakeHttpReply{201, {"X-Mark:  a b "}, "hello"};
    });
    HttpClient client(steady());
    const std::string body("a\0b\n", 4);
    HttpRequest request = post(server, body);
    request.headers = {"X-One: 1"};
    const auto response = client.call(request);
    REQUIRE(response.ok());
    CHECK(response->status == 201);
    CHECK(response->body == "hello");
    CHECK(response->header("x-mark") == "a b");
    CHECK(seen.body == body);
    CHECK(seen.headers.at("x-one") == "1");
    CHECK(seen.headers.count("content-type") == 0);
}

TEST_CASE("http client: Expect is never sent, however long the body", "[sinks][http]") {
    FakeHttpRequest seen;
    FakeHttpServer server([&](const FakeHttpRequest& request) {
        seen = request;
        return FakeHttpReply{};
    });
    HttpClient client(steady());
    const std::string body(3 << 20, 'x');
    REQUIRE(client.call(post(server, body)).ok());
    CHECK(seen.body.size() == body.size());
    CHECK(seen.headers.count("expect") == 0);
}

TEST_CASE("http client: connections are kept", "[sinks][http]") {
    FakeHttpServer server([](const FakeHttpRequest&) { return FakeHttpReply{200, {}, "ok"}; });
    HttpClient client(steady());
    for (int i = 0; i < 5; ++i)
        REQUIRE(client.call(post(server, "x")).ok());
    CHECK(server.connections() == 1);
}

TEST_CASE("http client: several requests run at once", "[sinks][http]") {
    FakeHttpServer server([](const FakeHttpRequest& request) {
        return FakeHttpReply{200, {}, request.body};
    });
    HttpClient client(steady());
    std::map<HttpTicket, std::string> expected;
    const std::vector<std::string> bodies{"a", "b", "c", "d"};
    for (const std::string& body : bodies)
        expected[client.send(post(server, body))] = body;
    while (client.pending() > 0) {
        for (const auto& finished : client.poll(kSecond)) {
            REQUIRE(finished.outcome.ok());
            CHECK(finished.outcome->body == expected.at(finished.ticket));
            expected.erase(finished.ticket);
        }
    }
    CHECK(expected.empty());
}

TEST_CASE("http client: a redirect is an answer, not followed", "[sinks][http]") {
    std::atomic<int> calls{0};
    FakeHttpServer server([&](const FakeHttpRequest&) {
        ++calls;
        return FakeHttpReply{307, {"Location: http://127.0.0.1:9/else"}, ""};
    });
    HttpClient client(steady());
    const auto response = client.call(post(server, "x"));
    REQUIRE(response.ok());
    CHECK(response->status == 307);
    CHECK(calls == 1);
}

TEST_CASE(
    "http client: far sides that hang, drip or flood end within their bound", "[sinks][http][S17]"
) {
    const auto manner =
        GENERATE(Manner::hang, Manner::drip, Manner::endless_body, Manner::endless_headers);
    FakeHttpServer server([&](const FakeHttpRequest&) { return FakeHttpReply{200, {}, "", manner}; }
    );
    HttpClient client(quick());
    Result<HttpResponse> response = Error{Errc::cancelled, ""};
    CHECK(seconds_of([&] { response = client.call(post(server, "x")); }) < 20);
    REQUIRE_FALSE(response.ok());
    const bool flood = manner == Manner::endless_body || manner == Manner::endless_headers;
    CHECK((response.error().code == Errc::too_large) == flood);
}

TEST_CASE(
    "http client: the beginning of a long error page is kept, 64 KiB of it", "[sinks][http][S17]"
) {
    FakeHttpServer server([](const FakeHttpRequest&) {
        return FakeHttpReply{503, {}, "", Manner::endless_body};
    });
    HttpClient client(steady());
    const auto response = client.call(post(server, "x"));
    REQUIRE(response.ok());
    CHECK(response->status == 503);
    CHECK(response->body.size() == HttpRequest{}.answer_max);
}

TEST_CASE("http client: a broken connection is transient", "[sinks][http]") {
    FakeHttpServer server([](const FakeHttpRequest&) {
        return FakeHttpReply{200, {}, "", Manner::reset};
    });
    HttpClient client(steady());
    const auto response = client.call(post(server, "x"));
    REQUIRE_FALSE(response.ok());
    CHECK(response.error().code == Errc::unavailable);
    CHECK(failure_of(response.error()).kind == FailureClass::transient);
}

TEST_CASE("http client: nobody there is transient and quick", "[sinks][http]") {
    FakeHttpServer server([](const FakeHttpRequest&) { return FakeHttpReply{}; });
    server.go_away();
    HttpClient client(steady());
    Result<HttpResponse> response = Error{Errc::cancelled, ""};
    CHECK(seconds_of([&] { response = client.call(post(server, "x")); }) < 20);
    REQUIRE_FALSE(response.ok());
    CHECK(failure_of(response.error()).kind == FailureClass::transient);
}

TEST_CASE("http client: cancelling does not wait for a far side that hangs", "[sinks][http]") {
    FakeHttpServer server([](const FakeHttpRequest&) {
        return FakeHttpReply{200, {}, "", Manner::hang};
    });
    HttpConfig patient = quick();
    patient.timeout = std::chrono::minutes(5);
    HttpClient client(patient);
    static_cast<void>(client.send(post(server, "x")));
    CHECK(client.poll(50 * kMillisecond).empty());
    CHECK(seconds_of([&] { client.cancel_all(); }) < 10);
    CHECK(client.pending() == 0);
}

TEST_CASE("http client: poll waits no longer than told", "[sinks][http]") {
    FakeHttpServer server([](const FakeHttpRequest&) {
        return FakeHttpReply{200, {}, "", Manner::hang};
    });
    HttpClient client(steady());
    static_cast<void>(client.send(post(server, "x")));
    CHECK(seconds_of([&] { CHECK(client.poll(0).empty()); }) < 10);
    CHECK(seconds_of([&] { CHECK(client.poll(100 * kMillisecond).empty()); }) < 10);
}

TEST_CASE("http client: Retry-After is seconds or a date", "[sinks][http]") {
    HttpResponse response;
    CHECK_FALSE(retry_after(response, 0));
    response.headers = {{"retry-after", "7"}};
    CHECK(retry_after(response, 0) == 7 * kSecond);
    response.headers = {{"retry-after", "Fri, 02 Jan 2026 03:04:15 GMT"}};
    CHECK(retry_after(response, 1'767'323'045 * kSecond) == 10 * kSecond);
    CHECK(retry_after(response, 1'767'323'999 * kSecond) == Nanoseconds{0});
    response.headers = {{"retry-after", "99999999999"}};
    CHECK(retry_after(response, 0) == 24 * 3600 * kSecond);
    response.headers = {{"retry-after", "soon"}};
    CHECK_FALSE(retry_after(response, 0));
}

TEST_CASE("http client: an excerpt is one line without control characters", "[sinks][http]") {
    const std::string text = excerpt("a\nb\x1b[31m" + std::string(1000, 'z'));
    CHECK(text.size() < 400);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
}

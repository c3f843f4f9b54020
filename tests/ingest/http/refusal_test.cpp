#include "auth/password.h"
#include "ingest/http/http_house.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>

namespace penstock {
namespace {

using test::Client;
using test::gzipped;
using test::HttpHouse;
using test::request;
using test::Response;
using test::zstd_packed;

constexpr std::string_view kPath = "/v1/ingest/wearables";

Response raw(HttpHouse& house, std::string_view text) {
    Client client(house.port());
    return client.send(text).receive();
}

/// Answered with 400 and closed.
void check_bad(HttpHouse& house, const std::string& headers, std::string_view body = {}) {
    INFO(headers);
    Client client(house.port());
    client.send(
        "POST /v1/ingest/wearables HTTP/1.1\r\nHost: p\r\n" + headers + "\r\n" + std::string(body)
    );
    const Response answer = client.receive();
    CHECK(answer.status == 400);
    CHECK(answer.has_header("Connection: close\r\n"));
    CHECK(client.closed_by_server());
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryIsOurs = false;  // the sanitizer keeps freed memory
#else
constexpr bool kMemoryIsOurs = true;
#endif

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t pages = 0;
    statm >> pages >> pages;
    return pages * 4096;
}

}  // namespace

TEST_CASE("http: bad framing is 400 and the end of the connection", "[ingest][http][M28]") {
    HttpHouse house;
    check_bad(house, "Content-Length: -1\r\n", "{}");
    check_bad(house, "Content-Length: +2\r\n", "{}");
    check_bad(house, "Content-Length: 18446744073709551616\r\n", "{}");
    check_bad(house, "Content-Length: 2, 2\r\n", "{}");
    check_bad(house, "Content-Length: 0x2\r\n", "{}");
    check_bad(house, "Content-Length:\r\n", "{}");
    check_bad(house, "Content-Length: 2\r\nContent-Length: 2\r\n", "{}");
    check_bad(house, "Content-Length: 2\r\nContent-Length: 3\r\n", "{}");
    check_bad(house, "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n");
    check_bad(house, "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "2\r\n{}\r\n0\r\n\r\n");
    check_bad(house, "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n");
    check_bad(house, "Transfer-Encoding: identity\r\n", "{}");
    check_bad(house, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n");
    check_bad(house, "Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n{}");
    check_bad(house, "Transfer-Encoding: chunked\r\n", "-2\r\n{}");
    check_bad(house, "Transfer-Encoding: chunked\r\n", "2\r\n{}xx0\r\n\r\n");
    check_bad(house, "Transfer-Encoding: chunked\r\n", "\r\n{}");
    check_bad(house, "Transfer-Encoding: chunked\r\n", "2;" + std::string(40'000, 'x'));
    CHECK(house.intake.taken().empty());
}

TEST_CASE("http: a body without a length is 411", "[ingest][http][M28]") {
    HttpHouse house;
    Client client(house.port());
    client.send("POST /v1/ingest/wearables HTTP/1.1\r\nHost: p\r\n\r\n{}");
    CHECK(client.receive().status == 411);
    CHECK(client.closed_by_server());
}

TEST_CASE("http: what is no HTTP is 400 at once", "[ingest][http]") {
    HttpHouse house;
    CHECK(raw(house, std::string_view("\x10\x10\x00\x04MQTT\x04\x02", 10)).status == 400);
    CHECK(raw(house, "GARBAGE\r\n\r\n").status == 400);
    CHECK(raw(house, "POST /v1/ingest/wearables HTTP/3.0\r\n\r\n").status == 505);
    CHECK(raw(house, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status == 505);
    CHECK(raw(house, "POST / HTTP/1.1\r\n\r\n").status == 400);
    CHECK(raw(house, "POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status == 400);
    CHECK(raw(house, "POST / HTTP/1.1\r\nBad Header: a\r\nHost: b\r\n\r\n").status == 400);
}

TEST_CASE("http: headers beyond the bound are 431", "[ingest][http]") {
    HttpHouse house;
    const std::string head = "POST / HTTP/1.1\r\nHost: p\r\nX: " + std::string(40'000, 'x');
    CHECK(raw(house, head).status == 431);
    CHECK(raw(house, head + "\r\n\r\n").status == 431);
}

TEST_CASE("http: a body beyond the bound is 413, declared or chunked", "[ingest][http][D08]") {
    HttpHouse::Options options;
    options.http.max_body = {4096};
    HttpHouse house(options);
    const std::string exact = "{\"a\":\"" + std::string(4096 - 8, 'x') + "\"}";
    CHECK(raw(house, request(kPath, exact)).status == 200);
    CHECK(raw(house, request(kPath, exact + " ")).status == 413);
    CHECK(
        raw(house,
            "POST /v1/ingest/wearables HTTP/1.1\r\nHost: p\r\nContent-Length: 268435456\r\n\r\n")
            .status == 413
    );
    Client client(house.port());
    client.send(
        "POST /v1/ingest/wearables HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    for (int i = 0; i < 10; ++i)
        client.send("400\r\n" + std::string(0x400, ' ') + "\r\n");
    CHECK(client.receive().status == 413);
}

TEST_CASE("http: 404, 405 and 415 leave the connection usable", "[ingest][http]") {
    HttpHouse house;
    Client client(house.port());
    CHECK(client.post("/", "{}").status == 404);
    CHECK(client.post("/v1/ingest/unknown", "{}").body.find("unknown_stream") != std::string::npos);
    client.send("GET /v1/ingest/wearables HTTP/1.1\r\nHost: p\r\n\r\n");
    const Response answer = client.receive();
    CHECK(answer.status == 405);
    CHECK(answer.has_header("Allow: POST\r\n"));
    CHECK(client.post(kPath, "{}", "Content-Type: text/xml\r\n").status == 415);
    CHECK(client.post(kPath, "{}", "Content-Type: application/cbor\r\n").status == 415);
    CHECK(client.post(kPath, "{}", "Expect: magic\r\n").status == 417);
    CHECK(
        client.post(kPath, "{}", "Content-Type: application/json; charset=utf-8\r\n").status == 200
    );
}

TEST_CASE("http: HEAD is answered without a body", "[ingest][http]") {
    HttpHouse house;
    Client client(house.port());
    client.send("HEAD / HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n");
    // The head promises a body's length, and no body follows: the connection just ends.
    CHECK(client.receive().status == 0);
}

TEST_CASE("http: several or unknown encodings are 415", "[ingest][http][M26]") {
    HttpHouse house;
    const std::string body = gzipped("{}");
    Client client(house.port());
    const Response answer = client.post(kPath, body, "Content-Encoding: gzip, gzip\r\n");
    CHECK(answer.status == 415);
    CHECK(answer.has_header("Accept-Encoding: gzip, zstd\r\n"));
    CHECK(
        client.post(kPath, body, "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n").status ==
        415
    );
    CHECK(client.post(kPath, body, "Content-Encoding: br\r\n").status == 415);
    CHECK(client.post(kPath, body, "Content-Encoding: deflate\r\n").status == 415);
}

TEST_CASE(
    "http: a bomb is 413 at the cap and uses no more memory than that", "[ingest][http][M26]"
) {
    HttpHouse::Options options;
    options.http.max_decompressed = {8 << 20};
    HttpHouse house(options);
    std::string zeros(std::size_t{64} << 20, ' ');
    std::string many;
    {
        const std::string one = gzipped(std::string_view(zeros).substr(0, 16 << 20));
        for (int i = 0; i < 16; ++i)
            many += one;
    }
    const std::string gz = gzipped(zeros);
    const std::string zst = zstd_packed(zeros);
    zeros.clear();
    zeros.shrink_to_fit();
    const std::size_t before = resident_bytes();
    CHECK(raw(house, request(kPath, gz, "Content-Encoding: gzip\r\n")).status == 413);
    CHECK(raw(house, request(kPath, many, "Content-Encoding: gzip\r\n")).status == 413);
    CHECK(raw(house, request(kPath, zst, "Content-Encoding: zstd\r\n")).status == 413);
    // What stays afterwards is the first megabyte of the buffer and the state of the decoders.
    if (kMemoryIsOurs) CHECK(resident_bytes() < before + (std::size_t{4} << 20));
    CHECK(house.intake.taken().empty());
}

TEST_CASE("http: just below the cap is taken, one byte more is not", "[ingest][http][M26]") {
    HttpHouse::Options options;
    options.http.max_decompressed = {65536};
    HttpHouse house(options);
    const std::string exact = "{\"a\":\"" + std::string(65536 - 8, 'x') + "\"}";
    for (const bool zstd : {false, true}) {
        const auto pack = [&](const std::string& text) {
            return zstd ? zstd_packed(text) : gzipped(text);
        };
        const std::string header =
            zstd ? "Content-Encoding: zstd\r\n" : "Content-Encoding: gzip\r\n";
        CHECK(raw(house, request(kPath, pack(exact), header)).status == 200);
        CHECK(raw(house, request(kPath, pack(exact + " "), header)).status == 413);
    }
    CHECK(house.intake.taken().size() == 2);
}

TEST_CASE("http: gzip in gzip is one layer and then just a bad record", "[ingest][http][M26]") {
    HttpHouse house;
    const std::string inner = gzipped("{}");
    CHECK(raw(house, request(kPath, gzipped(inner), "Content-Encoding: gzip\r\n")).status == 200);
    CHECK(house.intake.taken().front().payload == inner);
}

TEST_CASE("http: broken and cut compressed bodies are 400", "[ingest][http][M26]") {
    HttpHouse house;
    for (const bool zstd : {false, true}) {
        const std::string good =
            zstd ? zstd_packed(R"({"a":"abcdefgh"})") : gzipped(R"({"a":"abcdefgh"})");
        const std::string header =
            zstd ? "Content-Encoding: zstd\r\n" : "Content-Encoding: gzip\r\n";
        for (std::size_t size = 0; size < good.size(); ++size)
            CHECK(raw(house, request(kPath, good.substr(0, size), header)).status == 400);
        CHECK(raw(house, request(kPath, good + "x", header)).status == 400);
        CHECK(raw(house, request(kPath, "{}", header)).status == 400);
    }
    CHECK(house.intake.taken().empty());
}

TEST_CASE(
    "http: a malformed array is 400 with its place, and nothing of it is taken", "[ingest][http]"
) {
    HttpHouse house;
    const Response answer = raw(house, request(kPath, R"([{"a":1},)"));
    CHECK(answer.status == 400);
    CHECK(
        answer.body ==
        R"({"error":"malformed_body","message":"the array is not closed","position":0})"
        "\n"
    );
    CHECK(raw(house, request(kPath, R"([{"a":1},,{"b":2}])")).status == 400);
    CHECK(raw(house, request(kPath, R"([{"a":1},])")).status == 400);
    CHECK(raw(house, request(kPath, R"([{"a":1}] x)")).status == 400);
    CHECK(raw(house, request(kPath, R"([{"a":1})")).status == 400);
    CHECK(raw(house, request(kPath, R"([{"a":"1}])")).status == 400);
    CHECK(raw(house, request(kPath, R"([{"a":1}}])")).status == 400);
    CHECK(raw(house, request(kPath, "")).status == 400);
    CHECK(raw(house, request(kPath, " \r\n")).status == 400);
    CHECK(house.intake.taken().empty());
}

TEST_CASE("http: a million open brackets are 400, not a crash", "[ingest][http][M27]") {
    HttpHouse house;
    CHECK(raw(house, request(kPath, std::string(1'000'000, '['))).status == 400);
    CHECK(
        raw(house, request(kPath, std::string(500'000, '[') + std::string(500'000, ']'))).status ==
        200
    );
    CHECK(house.intake.taken().size() == 1);
}

TEST_CASE("http: more records than the bound are 413", "[ingest][http]") {
    HttpHouse::Options options;
    options.http.max_records = 3;
    HttpHouse house(options);
    CHECK(raw(house, request(kPath, "[1,2,3]")).status == 200);
    CHECK(raw(house, request(kPath, "[1,2,3,4]")).status == 413);
    CHECK(
        raw(house, request(kPath, "1\n2\n3\n4", "Content-Type: application/x-ndjson\r\n")).status ==
        413
    );
    CHECK(house.intake.taken().size() == 3);
}

TEST_CASE("http: bodies beyond the shard's memory are 503", "[ingest][http]") {
    HttpHouse::Options options;
    options.http.body_buffer = {100'000};
    HttpHouse house(options);
    Client slow(house.port());
    slow.send(request(kPath, std::string(90'000, ' ')).substr(0, 80'000));
    Client other(house.port());
    const Response answer = other.post(kPath, std::string(50'000, ' ') + "{}");
    CHECK(answer.status == 503);
    CHECK(slow.send(std::string(10'500, ' ')).receive().status == 400);
    CHECK(other.closed_by_server());
    CHECK(raw(house, request(kPath, std::string(50'000, ' ') + "{}")).status == 200);
}

TEST_CASE("http: slow heads and bodies are 408, idle connections just end", "[ingest][http][M29]") {
    HttpHouse::Options options;
    options.http.limits.first_packet_timeout = std::chrono::milliseconds(200);
    options.http.body_timeout = std::chrono::milliseconds(200);
    options.http.idle_timeout = std::chrono::milliseconds(200);
    HttpHouse house(options);
    Client head(house.port());
    Client body(house.port());
    Client never(house.port());
    Client idle(house.port());
    head.send("POST / HTTP/1.1\r\n");
    const std::string whole = request(kPath, "{}");
    body.send(whole.substr(0, whole.size() - 1));
    CHECK(idle.post(kPath, "{}").status == 200);
    CHECK(head.receive().status == 408);
    CHECK(head.closed_by_server());
    CHECK(body.receive().status == 408);
    CHECK(body.closed_by_server());
    CHECK(never.closed_by_server());
    CHECK(idle.closed_by_server());
    CHECK(house.intake.taken().size() == 1);
}

TEST_CASE("http: without the right credentials it is 401, with them 200", "[ingest][http]") {
    const test::TempDir dir;
    HttpHouse::Options options;
    options.auth.passwords = dir / "passwords";
    REQUIRE(auth::set_password(options.auth.passwords, "w1", "secret").ok());
    options.auth.bearer["gateway"] = Secret(std::string("0123456789abcdef"));
    HttpHouse house(options);
    Client client(house.port());
    const Response answer = client.post(kPath, "{}");
    CHECK(answer.status == 401);
    CHECK(answer.has_header("WWW-Authenticate: Basic realm=\"penstock\""));
    CHECK(answer.has_header("WWW-Authenticate: Bearer realm=\"penstock\""));
    // w1:wrong, w1:secret
    CHECK(client.post(kPath, "{}", "Authorization: Basic dzE6d3Jvbmc=\r\n").status == 401);
    CHECK(client.post(kPath, "{}", "Authorization: Basic dzE6c2VjcmV0\r\n").status == 200);
    CHECK(client.post(kPath, "{}", "authorization: basic dzE6c2VjcmV0\r\n").status == 200);
    CHECK(client.post(kPath, "{}", "Authorization: Bearer 0123456789abcdef\r\n").status == 200);
    CHECK(client.post(kPath, "{}", "Authorization: Bearer 0123456789abcdee\r\n").status == 401);
    CHECK(client.post(kPath, "{}", "Authorization: Digest x\r\n").status == 401);
    CHECK(client.post(kPath, "{}", "Authorization: Basic %%%\r\n").status == 401);
    CHECK(client.post(kPath, "{}").status == 401);
    CHECK(
        client.post(kPath, "{}", "Authorization: Basic dzE6c2VjcmV0\r\nAuthorization: Bearer x\r\n")
            .status == 400
    );
    CHECK(house.intake.taken().at(0).client_id == "w1");
    CHECK(house.intake.taken().at(2).client_id == "gateway");
}

TEST_CASE("http: requests behind a password check are read when it is over", "[ingest][http]") {
    const test::TempDir dir;
    HttpHouse::Options options;
    options.auth.passwords = dir / "passwords";
    REQUIRE(auth::set_password(options.auth.passwords, "w1", "secret").ok());
    HttpHouse house(options);
    Client client(house.port());
    const std::string once = request(kPath, "[{},{}]", "Authorization: Basic dzE6c2VjcmV0\r\n");
    client.send(once + once + once);
    for (int i = 0; i < 3; ++i)
        CHECK(client.receive().body.starts_with(R"({"accepted":2,)"));
}

TEST_CASE(
    "http: hostile text in names and reasons stays inside its JSON string", "[ingest][http][A13]"
) {
    HttpHouse house;
    house.intake.judge([](std::string_view payload) -> Reply {
        return {Reply::Kind::quarantined, Refusal::invalid_field, payload, payload};
    });
    const Response answer = raw(house, request(kPath, "\"\r\nSet-Cookie: a\x1b[31m\xff\\"));
    CHECK(answer.status == 200);
    CHECK_FALSE(answer.has_header("Set-Cookie"));
    CHECK(answer.body.find(R"("reason":"\"\r\nSet-Cookie: a\u001b[31m)") != std::string::npos);
    CHECK(answer.body.find('\r') == std::string::npos);
    CHECK(
        raw(house,
            "POST /v1/ingest/%0d%0aX:%20y HTTP/1.1\r\nHost: p\r\nContent-Length: 2\r\n\r\n{}")
            .status == 404
    );
}

}  // namespace penstock

#include "ingest/http/http_house.h"

#include <catch2/catch.hpp>

namespace penstock {
namespace {

using test::Client;
using test::gzipped;
using test::HttpHouse;
using test::request;
using test::Response;
using test::zstd_packed;

constexpr std::string_view kPath = "/v1/ingest/wearables";
constexpr std::string_view kOne = R"({"accepted":1,"quarantined":0,"refused":0,"results":[]})"
                                  "\n";

Response one(HttpHouse& house, std::string_view body, std::string_view headers = {}) {
    Client client(house.port());
    return client.post(kPath, body, headers);
}

std::vector<std::string> payloads(const HttpHouse& house) {
    std::vector<std::string> all;
    for (const auto& record : house.intake.taken())
        all.push_back(record.payload);
    return all;
}

}  // namespace

TEST_CASE("http: one object is one record, answered when it is durable", "[ingest][http]") {
    HttpHouse house;
    house.intake.hold_durable(true);
    Client client(house.port());
    client.send(request(kPath, " {\"heartRate\":80}\n", "Content-Type: application/json\r\n"));
    REQUIRE(HttpHouse::eventually([&] { return house.intake.taken().size() == 1; }));
    CHECK(client.hears_nothing(100));
    house.intake.release(house.io);
    const Response answer = client.receive();
    CHECK(answer.status == 200);
    CHECK(answer.body == kOne);
    CHECK(answer.has_header("Content-Type: application/json\r\n"));
    CHECK(answer.has_header("Date: "));
    const auto record = house.intake.taken().front();
    CHECK(record.stream == "wearables");
    CHECK(record.payload == "{\"heartRate\":80}");
    CHECK(record.source == Source::http);
    CHECK(
        house.metric("penstock_http_requests_total", {{"listener", "http"}, {"code", "200"}}) == 1
    );
}

TEST_CASE(
    "http: an array is as many records, answered when the last is durable", "[ingest][http]"
) {
    HttpHouse house;
    const Response answer = one(house, R"([{"a":1}, {"b":"],["},{"c":[1,{"d":2}]}])");
    CHECK(answer.status == 200);
    CHECK(answer.body.starts_with(R"({"accepted":3,)"));
    CHECK(
        payloads(house) ==
        std::vector<std::string>{R"({"a":1})", R"({"b":"],["})", R"({"c":[1,{"d":2}]})"}
    );
}

TEST_CASE("http: NDJSON is a record a line", "[ingest][http]") {
    HttpHouse house;
    const auto* const lines = "{\"a\":1}\r\n\n  {\"a\":2} \n{broken\n{\"a\":3}";
    CHECK(one(house, lines, "Content-Type: application/x-ndjson\r\n")
              .body.starts_with(R"({"accepted":4,)"));
    CHECK(
        payloads(house) ==
        std::vector<std::string>{"{\"a\":1}", "{\"a\":2}", "{broken", "{\"a\":3}"}
    );
}

TEST_CASE("http: without a useful type the body shows what it is", "[ingest][http]") {
    HttpHouse house;
    const auto* const form = "Content-Type: application/x-www-form-urlencoded\r\n";
    CHECK(one(house, "{\"a\":1}\n{\"a\":2}\n", form).body.starts_with(R"({"accepted":2,)"));
    CHECK(one(house, "{\n \"a\": 1\n}\n", form).body.starts_with(R"({"accepted":1,)"));
    CHECK(one(house, "[{\"a\":1},{\"a\":2}]").body.starts_with(R"({"accepted":2,)"));
    CHECK(one(house, "not json").body.starts_with(R"({"accepted":1,)"));
}

TEST_CASE("http: gzip and zstd bodies are unpacked", "[ingest][http]") {
    HttpHouse house;
    const std::string body = R"([{"a":1},{"a":2}])";
    CHECK(one(house, gzipped(body), "Content-Encoding: gzip\r\n").status == 200);
    CHECK(
        one(house, gzipped("[{\"a\":1},") + gzipped("{\"a\":2}]"), "Content-Encoding: X-GZIP\r\n")
            .status == 200
    );
    CHECK(one(house, zstd_packed(body), "Content-Encoding: zstd\r\n").status == 200);
    CHECK(one(house, body, "Content-Encoding: identity\r\n").status == 200);
    CHECK(house.intake.taken().size() == 8);
}

TEST_CASE("http: a chunked body in one-byte segments is one body", "[ingest][http]") {
    HttpHouse house;
    Client client(house.port());
    const std::string text =
        "POST /v1/ingest/wearables HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n"
        "4;ext=1\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\nTrailer: x\r\n\r\n";
    for (const char c : text)
        client.send(std::string_view(&c, 1));
    CHECK(client.receive().body == kOne);
    CHECK(payloads(house) == std::vector<std::string>{"{\"a\":1}"});
}

TEST_CASE(
    "http: quarantined and refused records are listed with index and pointer", "[ingest][http]"
) {
    HttpHouse house;
    house.intake.judge([](std::string_view payload) -> Reply {
        if (payload.find("500") != std::string_view::npos)
            return {
                Reply::Kind::quarantined, Refusal::invalid_field, "over \"250\"\n", "/heartRate"
            };
        return {};
    });
    const Response kept = one(house, R"([{"hr":1},{"hr":500}])");
    CHECK(kept.status == 200);
    CHECK(
        kept.body ==
        R"({"accepted":1,"quarantined":1,"refused":0,"results":[{"index":1,"result":"quarantined",)"
        R"("code":"invalid_field","reason":"over \"250\"\n","pointer":"/heartRate"}]})"
        "\n"
    );
    house.intake.judge([](std::string_view payload) -> Reply {
        if (payload.find("500") != std::string_view::npos)
            return {Reply::Kind::refused, Refusal::invalid_field, "no", {}};
        return {};
    });
    CHECK(one(house, R"([{"hr":1},{"hr":500}])").status == 422);
    const Response refused = one(house, R"({"hr":500})");
    CHECK(refused.status == 422);
    CHECK(
        refused.body.find(R"("refused":1,"results":[{"index":0,"result":"refused",)") !=
        std::string::npos
    );
}

TEST_CASE(
    "http: a single record that is too large is 413, one without a stream 404",
    "[ingest][http][D08]"
) {
    HttpHouse house;
    house.intake.judge([](std::string_view) -> Reply {
        return {Reply::Kind::refused, Refusal::too_large, "over the record limit", {}};
    });
    CHECK(one(house, "{}").status == 413);
    house.intake.judge([](std::string_view) -> Reply {
        return {Reply::Kind::refused, Refusal::unrouted, "no stream", {}};
    });
    CHECK(one(house, "{}").status == 404);
}

TEST_CASE("http: the list of results is bounded, the counts are not", "[ingest][http]") {
    HttpHouse house;
    house.intake.judge([](std::string_view) -> Reply {
        return {Reply::Kind::quarantined, Refusal::invalid_json, "bad", {}};
    });
    std::string body;
    for (int i = 0; i < 2000; ++i)
        body += "x\n";
    const Response answer = one(house, body, "Content-Type: application/x-ndjson\r\n");
    CHECK(answer.body.starts_with(R"({"accepted":0,"quarantined":2000,)"));
    CHECK(answer.body.ends_with("],\"truncated\":true}\n"));
    CHECK(answer.body.find("\"index\":999,") != std::string::npos);
    CHECK(answer.body.find("\"index\":1000,") == std::string::npos);
}

TEST_CASE(
    "http: requests are answered in their order, whatever becomes durable first", "[ingest][http]"
) {
    HttpHouse house;
    house.intake.hold_durable(true);
    Client client(house.port());
    client.send(
        request(kPath, "{\"n\":1}") + request(kPath, "[]") + request("/nowhere", "{}") +
        request(kPath, "[{\"n\":2},{\"n\":3}]")
    );
    REQUIRE(HttpHouse::eventually([&] { return house.intake.taken().size() == 3; }));
    CHECK(client.hears_nothing(100));
    house.intake.release(house.io);
    CHECK(client.receive().body == kOne);
    CHECK(client.receive().body.starts_with(R"({"accepted":0,)"));
    CHECK(client.receive().status == 404);
    CHECK(client.receive().body.starts_with(R"({"accepted":2,)"));
}

TEST_CASE("http: no more requests are read ahead than the bound", "[ingest][http]") {
    HttpHouse::Options options;
    options.http.max_pipelined = 3;
    HttpHouse house(options);
    house.intake.hold_durable(true);
    Client client(house.port());
    std::string all;
    for (int i = 0; i < 10; ++i)
        all += request(kPath, "{\"n\":" + std::to_string(i) + "}");
    client.send(all);
    REQUIRE(HttpHouse::eventually([&] { return house.intake.taken().size() == 3; }));
    CHECK(client.hears_nothing(100));
    CHECK(house.intake.taken().size() == 3);
    house.intake.hold_durable(false);
    house.intake.release(house.io);
    for (int i = 0; i < 10; ++i)
        CHECK(client.receive().status == 200);
}

TEST_CASE(
    "http: a busy intake stops reading, and what is left follows when there is room",
    "[ingest][http]"
) {
    HttpHouse house;
    house.intake.room_for(2);
    Client client(house.port());
    const bool packed = GENERATE(false, true);
    const std::string body = R"([{"n":1},{"n":2},{"n":3},{"n":4}])";
    client.send(
        packed ? request(kPath, gzipped(body), "Content-Encoding: gzip\r\n") : request(kPath, body)
    );
    REQUIRE(HttpHouse::eventually([&] { return house.intake.refusals_seen() > 0; }));
    CHECK(client.hears_nothing(50));
    CHECK(house.intake.taken().size() == 2);
    house.intake.make_room(house.io);
    CHECK(client.receive().body.starts_with(R"({"accepted":4,)"));
    CHECK(
        payloads(house) ==
        std::vector<std::string>{"{\"n\":1}", "{\"n\":2}", "{\"n\":3}", "{\"n\":4}"}
    );
    CHECK(client.post(kPath, "{}").status == 200);
}

TEST_CASE("http: a pipelined request behind a stalled one is not lost", "[ingest][http]") {
    HttpHouse house;
    house.intake.room_for(1);
    Client client(house.port());
    client.send(request(kPath, "[{\"n\":1},{\"n\":2}]") + request(kPath, "{\"n\":3}"));
    REQUIRE(HttpHouse::eventually([&] { return house.intake.refusals_seen() > 0; }));
    house.intake.make_room(house.io);
    CHECK(client.receive().body.starts_with(R"({"accepted":2,)"));
    CHECK(client.receive().body == kOne);
}

TEST_CASE("http: a closed intake is 503 with Retry-After", "[ingest][http]") {
    HttpHouse house;
    house.intake.close(true);
    Client client(house.port());
    const Response answer = client.post(kPath, "{}");
    CHECK(answer.status == 503);
    CHECK(answer.has_header("Retry-After: 1\r\n"));
    house.intake.close(false);
    CHECK(client.post(kPath, "{}").status == 200);
}

TEST_CASE(
    "http: an intake that closes while it is busy is 503 for what was not taken", "[ingest][http]"
) {
    HttpHouse house;
    house.intake.judge([&](std::string_view) -> Reply {
        house.intake.close(true);
        return {Reply::Kind::busy, Refusal::none, {}, {}};
    });
    Client client(house.port());
    CHECK(client.post(kPath, "{}").status == 503);
}

TEST_CASE("http: records that never become durable are 503, not 200", "[ingest][http]") {
    HttpHouse::Options options;
    options.http.answer_timeout = std::chrono::milliseconds(200);
    HttpHouse house(options);
    house.intake.hold_durable(true);
    Client client(house.port());
    const Response answer = client.post(kPath, "{}");
    CHECK(answer.status == 503);
    CHECK(answer.has_header("Connection: close\r\n"));
    CHECK(client.closed_by_server());
}

TEST_CASE("http: Expect: 100-continue is answered before the body comes", "[ingest][http]") {
    HttpHouse house;
    Client client(house.port());
    const std::string whole = request(kPath, "{}", "Expect: 100-continue\r\n");
    client.send(whole.substr(0, whole.size() - 2));
    CHECK(client.receive().status == 100);
    client.send("{}");
    CHECK(client.receive().status == 200);
}

TEST_CASE("http: a refused Expect: 100-continue ends the connection", "[ingest][http]") {
    HttpHouse house;
    Client client(house.port());
    const std::string whole = request("/v1/ingest/nobody", "{}", "Expect: 100-continue\r\n");
    client.send(whole.substr(0, whole.size() - 2));
    CHECK(client.receive().status == 404);
    CHECK(client.closed_by_server());
}

TEST_CASE("http: 100 Continue waits for the answers before it", "[ingest][http]") {
    HttpHouse house;
    house.intake.hold_durable(true);
    Client client(house.port());
    const std::string second = request(kPath, "{}", "Expect: 100-continue\r\n");
    client.send(request(kPath, "{}") + second.substr(0, second.size() - 2));
    REQUIRE(HttpHouse::eventually([&] { return house.intake.taken().size() == 1; }));
    CHECK(client.hears_nothing(50));
    house.intake.hold_durable(false);
    house.intake.release(house.io);
    CHECK(client.receive().status == 200);
    CHECK(client.receive().status == 100);
    CHECK(client.send("{}").receive().status == 200);
}

TEST_CASE(
    "http: HTTP/1.0 and Connection: close end the connection after the answer", "[ingest][http]"
) {
    HttpHouse house;
    Client old(house.port());
    old.send("POST /v1/ingest/wearables HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}");
    CHECK(old.receive().head.starts_with("HTTP/1.0 200 OK\r\n"));
    CHECK(old.closed_by_server());
    Client closing(house.port());
    CHECK(closing.post(kPath, "{}", "Connection: close\r\n").has_header("Connection: close\r\n"));
    CHECK(closing.closed_by_server());
    Client kept(house.port());
    kept.send(
        "POST /v1/ingest/wearables HTTP/1.0\r\nContent-Length: 2\r\nConnection: "
        "keep-alive\r\n\r\n{}"
    );
    CHECK(kept.receive().has_header("Connection: keep-alive\r\n"));
    CHECK(kept.post(kPath, "{}").status == 200);
}

TEST_CASE("http: a half-closed client still gets its answer", "[ingest][http]") {
    HttpHouse house;
    house.intake.hold_durable(true);
    Client client(house.port());
    client.send(request(kPath, "{}"));
    client.shutdown_send();
    REQUIRE(HttpHouse::eventually([&] { return house.intake.taken().size() == 1; }));
    house.intake.release(house.io);
    CHECK(client.receive().status == 200);
    CHECK(client.closed_by_server());
}

TEST_CASE("http: draining answers what was taken and closes", "[ingest][http]") {
    HttpHouse house;
    house.intake.hold_durable(true);
    Client busy(house.port());
    Client idle(house.port());
    Client half(house.port());
    busy.send(request(kPath, "{}"));
    const std::string whole = request(kPath, "{\"a\":1}");
    half.send(whole.substr(0, whole.size() - 1));
    REQUIRE(HttpHouse::eventually([&] { return house.intake.taken().size() == 1; }));
    house.drain();
    CHECK(idle.closed_by_server());
    CHECK(busy.hears_nothing(50));
    house.intake.release(house.io);
    const Response answer = busy.receive();
    CHECK(answer.status == 200);
    CHECK(answer.has_header("Connection: close\r\n"));
    CHECK(busy.closed_by_server());
}

TEST_CASE("http: names of streams are percent-decoded", "[ingest][http]") {
    HttpHouse house;
    Client client(house.port());
    CHECK(client.post("/v1/ingest/my%20stream?x=1", "{}").status == 200);
    CHECK(client.post("http://host/v1/ingest/wearables/", "{}").status == 200);
    CHECK(client.post("/v1/ingest/%zz", "{}").status == 400);
    CHECK(client.post("/v1/ingest/%ff", "{}").status == 400);
    CHECK(client.post("/v1/ingest/%00", "{}").status == 400);
    CHECK(client.post("/v1/ingest/", "{}").status == 400);
    CHECK(client.post("/v1/ingest/a/b", "{}").status == 404);
    CHECK(client.post("/v1/ingest/..%2fwearables", "{}").status == 404);
    CHECK(house.intake.taken().front().stream == "my stream");
}

}  // namespace penstock

#include "base/metrics.h"
#include "base/text.h"
#include "sinks/contract/web_far_side.h"
#include "sinks/series/line_protocol_sink.h"
#include "sinks/series/series_store.h"
#include "support/fake_clock.h"
#include "support/fake_http_server.h"
#include "support/record_builder.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <map>
#include <mutex>

using namespace penstock;
using namespace penstock::sinks;
using contract::Arrival;
using test::FakeHttpReply;
using test::FakeHttpRequest;
using test::FakeHttpServer;
using test::RecordBuilder;
using Manner = FakeHttpReply::Manner;

namespace {

/// Undoes the %XX of the encoder.
std::string decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto code = text[i] == '%' ? text::percent_decoded(text.substr(i, 3)) : std::nullopt;
        out += code && i + 2 < text.size() ? *code : std::string(1, text[i]);
        if (code && i + 2 < text.size()) i += 2;
    }
    return out;
}

/// Index of the first `what` without a backslash before it.
std::size_t bare(std::string_view text, char what) {
    std::size_t at = text.find(what);
    while (at != std::string_view::npos && at > 0 && text[at - 1] == '\\')
        at = text.find(what, at + 1);
    return std::min(at, text.size());
}

std::string unslashed(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c != '\\') out += c;
    }
    return decoded(out);
}

/// `m,deviceId=d heartRate=1,... 123`
Arrival arrival_of(std::string_view line) {
    Arrival arrival;
    const std::size_t series_end = bare(line, ' ');
    std::string_view series = line.substr(0, series_end);
    const std::size_t tag = series.find(",deviceId=");
    series = series.substr(tag + 10);
    arrival.device = unslashed(series.substr(0, bare(series, ',')));
    const std::string_view rest = line.substr(series_end + 1);
    arrival.event_time = text::parse_int(rest.substr(rest.rfind(' ') + 1)).value();
    const std::size_t value = rest.find("heartRate=") + 10;
    arrival.value = rest.substr(value, rest.find_first_of(", ", value) - value);
    return arrival;
}

std::vector<Arrival> arrivals_of(std::string_view body) {
    std::vector<Arrival> all;
    while (!body.empty()) {
        const std::size_t end = body.find('\n');
        all.push_back(arrival_of(body.substr(0, end)));
        body.remove_prefix(end + 1);
    }
    return all;
}

LineProtocolConfig settings(const std::string& endpoint) {
    LineProtocolConfig config;
    config.endpoint = endpoint;
    config.batch.records = 50;
    config.batch.age = std::chrono::milliseconds(20);
    config.settle = "0";
    config.http.timeout = std::chrono::seconds(5);
    config.http.connect_timeout = std::chrono::seconds(5);
    return config;
}

SinkContext context_of(metrics::Registry& registry) {
    SinkContext context;
    context.id = "line";
    context.metrics = &registry;
    return context;
}

/// A store that keeps what it is sent, and has faults.
class FakeStore final : public contract::SeriesStore<contract::WebFarSide> {
public:
    FakeStore() : SeriesStore(arrivals_of) {}

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        SinkContext context = context_of(registry_);
        context.journal = journal;
        return std::move(make_line_protocol_sink(settings(endpoint()), context)).value();
    }

private:
    metrics::Registry registry_;
};

/// A sink and a server whose answers the test gives.
struct Bench {
    explicit Bench(FakeHttpServer::Handler handler) : server(std::move(handler)) {
        config = settings(server.endpoint());
    }

    Sink& sink() {
        if (!made) {
            SinkContext context = context_of(registry);
            context.clock = &clock;
            made = std::move(make_line_protocol_sink(config, context)).value();
            made->reset({});
        }
        return *made;
    }
    void put(std::uint64_t lsn, const std::string& field = "heartRate") {
        RecordBuilder record;
        record.device("d" + std::to_string(lsn)).field(field, "80", FieldType::integer);
        REQUIRE(sink().put({lsn}, record.view()));
    }
    /// Until something is reported, for at most 20 s.
    SinkProgress report() {
        SinkProgress all;
        all.safe = reported;
        for (int i = 0; i < 2000; ++i) {
            SinkProgress progress = sink().poll(10 * kMillisecond);
            const bool news = progress.safe > all.safe || progress.failure;
            for (RefusedRecord& one : progress.refused)
                all.refused.push_back(one);
            all.safe = progress.safe;
            all.failure = progress.failure;
            if (news) break;
        }
        reported = all.safe;
        return all;
    }

    test::FakeClock clock;
    metrics::Registry registry;
    FakeHttpServer server;
    LineProtocolConfig config;
    std::unique_ptr<Sink> made;
    Lsn reported;
};

}  // namespace

PS_SINK_CONTRACT("line protocol, fake server", "[sinks][series]", [] {
    return std::make_unique<FakeStore>();
})

TEST_CASE("line sink: database, precision and credentials reach the server", "[sinks][series]") {
    FakeHttpRequest seen;
    Bench bench([&](const FakeHttpRequest& request) { return seen = request, FakeHttpReply{}; });
    bench.config.database = "my db";
    bench.config.precision = TimePrecision::milliseconds;
    bench.config.user = "u";
    bench.config.password = Secret(std::string("p"));
    bench.put(1);
    bench.sink().flush();
    CHECK(bench.report().safe == Lsn{1});
    CHECK(seen.target == "/write?db=my%20db&precision=ms");
    CHECK(seen.headers.at("authorization") == "Basic dTpw");
}

TEST_CASE("line sink: version 2 names bucket and organisation, and its token", "[sinks][series]") {
    FakeHttpRequest seen;
    Bench bench([&](const FakeHttpRequest& request) { return seen = request, FakeHttpReply{}; });
    bench.config.endpoint += "/api/v2/write";
    bench.config.org = "o";
    bench.config.bucket = "b";
    bench.config.precision = TimePrecision::microseconds;
    bench.config.token = Secret(std::string("t"));
    bench.config.gzip = true;
    bench.put(1);
    bench.sink().flush();
    CHECK(bench.report().safe == Lsn{1});
    CHECK(seen.target == "/api/v2/write?bucket=b&org=o&precision=us");
    CHECK(seen.headers.at("authorization") == "Token t");
    CHECK(seen.headers.at("content-encoding") == "gzip");
    CHECK(seen.body.substr(0, 2) == "\x1f\x8b");
}

TEST_CASE("line sink: a batch is sent when it is full, old or flushed", "[sinks][series]") {
    std::atomic<int> writes{0};
    Bench bench([&](const FakeHttpRequest&) { return ++writes, FakeHttpReply{}; });
    bench.config.batch.records = 2;
    bench.config.batch.age = std::chrono::seconds(1);
    bench.put(1);
    CHECK(bench.sink().poll(kMillisecond).quiet_for <= kSecond);
    CHECK(writes == 0);
    bench.put(2);
    CHECK(bench.report().safe == Lsn{2});
    bench.put(3);
    bench.clock.advance(kSecond);
    CHECK(bench.report().safe == Lsn{3});
    CHECK(writes == 2);
}

TEST_CASE("line sink: what was skipped counts once all before it do", "[sinks][series]") {
    Bench bench([](const FakeHttpRequest&) { return FakeHttpReply{}; });
    bench.sink().skip({5});
    CHECK(bench.report().safe == Lsn{5});
    bench.put(6);
    bench.sink().skip({9});
    CHECK(bench.sink().poll(0).safe == Lsn{5});
    bench.sink().flush();
    CHECK(bench.report().safe == Lsn{9});
    RecordBuilder empty;
    REQUIRE(bench.sink().put({10}, empty.view()));
    CHECK(bench.sink().poll(0).safe == Lsn{10});
    CHECK(
        bench.registry.value("penstock_line_protocol_empty_records_total", {{"sink", "line"}}) == 1
    );
}

TEST_CASE(
    "line sink: it takes one batch more while one is under way, and no third", "[sinks][series]"
) {
    Bench bench([](const FakeHttpRequest&) { return FakeHttpReply{200, {}, "", Manner::hang}; });
    bench.config.batch.records = 2;
    for (std::uint64_t lsn = 1; lsn <= 4; ++lsn)
        bench.put(lsn);
    RecordBuilder record;
    record.field("a", "1", FieldType::integer);
    CHECK_FALSE(bench.sink().put({5}, record.view()));
    bench.sink().reset({});
    CHECK(bench.sink().put({1}, record.view()));
}

TEST_CASE("line sink: a partial write costs only the bad record", "[sinks][series][S06]") {
    Bench bench([](const FakeHttpRequest& request) -> FakeHttpReply {
        if (request.body.find(" bad=") == std::string::npos) return {};
        return {
            400,
            {},
            R"({"error":"partial write: field type conflict: input field \"bad\" on measurement \"wearables\")"
            R"( is type float, already exists as type string dropped=1"})"
        };
    });
    for (std::uint64_t lsn = 1; lsn <= 9; ++lsn)
        bench.put(lsn, lsn == 4 ? "bad" : "heartRate");
    bench.sink().flush();
    const SinkProgress progress = bench.report();
    CHECK(progress.safe == Lsn{9});
    REQUIRE(progress.refused.size() == 1);
    CHECK(progress.refused[0].lsn == Lsn{4});
    CHECK_THAT(progress.refused[0].reason, Catch::Contains("field type conflict"));
    CHECK(bench.registry.value("penstock_line_protocol_points_total", {{"sink", "line"}}) == 8);
}

TEST_CASE("line sink: a 400 about the request is a setting, not a bad record", "[sinks][series]") {
    Bench bench([](const FakeHttpRequest&) {
        return FakeHttpReply{400, {}, "database is required"};
    });
    bench.put(1);
    bench.sink().flush();
    const SinkProgress progress = bench.report();
    CHECK(progress.refused.empty());
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::configuration);
}

TEST_CASE(
    "line sink: a 400 in unknown words is the record's when an empty write passes",
    "[sinks][series][S07]"
) {
    Bench bench([](const FakeHttpRequest& request) {
        return request.body.find("d2") == std::string::npos ? FakeHttpReply{}
                                                            : FakeHttpReply{400, {}, "nope"};
    });
    for (std::uint64_t lsn = 1; lsn <= 3; ++lsn)
        bench.put(lsn);
    bench.sink().flush();
    const SinkProgress progress = bench.report();
    CHECK(progress.safe == Lsn{3});
    REQUIRE(progress.refused.size() == 1);
    CHECK(progress.refused[0].lsn == Lsn{2});
}

TEST_CASE("line sink: a batch too large is sent in parts", "[sinks][series]") {
    Bench bench([](const FakeHttpRequest& request) {
        return request.body.size() > 200 ? FakeHttpReply{413, {}, ""} : FakeHttpReply{};
    });
    for (std::uint64_t lsn = 1; lsn <= 16; ++lsn)
        bench.put(lsn);
    bench.sink().flush();
    const SinkProgress progress = bench.report();
    CHECK(progress.safe == Lsn{16});
    CHECK(progress.refused.empty());
}

TEST_CASE("line sink: settle is learned from the server", "[sinks][series]") {
    const bool victoria = GENERATE(true, false);
    Bench bench([&](const FakeHttpRequest&) {
        return victoria ? FakeHttpReply{204, {"X-Server-Hostname: h"}, ""}
                        : FakeHttpReply{204, {"X-Influxdb-Version: 1.8"}, ""};
    });
    bench.config.settle = "auto";
    CHECK(bench.sink().settle() == kVictoriaSettle);
    bench.put(1);
    bench.sink().flush();
    CHECK(bench.report().safe == Lsn{1});
    CHECK(bench.sink().settle() == (victoria ? kVictoriaSettle : 0));
}

TEST_CASE("line sink: a proxy's refusal teaches nothing about settling", "[sinks][series]") {
    bool proxy = true;
    Bench bench([&](const FakeHttpRequest&) {
        return proxy ? FakeHttpReply{502, {}, ""}
                     : FakeHttpReply{204, {"X-Server-Hostname: h"}, ""};
    });
    bench.config.settle = "auto";
    bench.put(1);
    bench.sink().flush();
    REQUIRE(bench.report().failure);
    CHECK(bench.sink().settle() == kVictoriaSettle);
    proxy = false;
    bench.sink().reset(Lsn{0});
    bench.put(1);
    bench.sink().flush();
    CHECK(bench.report().safe == Lsn{1});
    CHECK(bench.sink().settle() == kVictoriaSettle);
}

TEST_CASE(
    "line sink: a far side that went away while confirmations settle is noticed", "[sinks][series]"
) {
    Bench bench([](const FakeHttpRequest&) { return FakeHttpReply{}; });
    bench.config.settle = "15s";
    bench.put(1);
    bench.sink().flush();
    CHECK(bench.report().safe == Lsn{1});
    bench.server.go_away();
    bench.server.come_back();
    bench.clock.advance(3 * kSecond);
    const SinkProgress progress = bench.report();
    REQUIRE(progress.failure);
    CHECK(progress.failure->lost_contact);
}

TEST_CASE("line sink: once settled, a new connection is nothing special", "[sinks][series]") {
    Bench bench([](const FakeHttpRequest&) { return FakeHttpReply{}; });
    bench.config.settle = "15s";
    bench.put(1);
    bench.sink().flush();
    CHECK(bench.report().safe == Lsn{1});
    bench.server.go_away();
    bench.server.come_back();
    bench.clock.advance(16 * kSecond);
    bench.put(2);
    bench.sink().flush();
    const SinkProgress progress = bench.report();
    CHECK_FALSE(progress.failure);
    CHECK(progress.safe == Lsn{2});
}

TEST_CASE("line sink: a probe says what is wrong and sends no record", "[sinks][series]") {
    int status = 204;
    std::string body;
    Bench bench([&](const FakeHttpRequest& request) {
        return body += request.body, FakeHttpReply{status, {}, ""};
    });
    CHECK(bench.sink().probe(30 * kSecond).ok());
    status = 401;
    const Status denied = bench.sink().probe(30 * kSecond);
    REQUIRE_FALSE(denied.ok());
    CHECK(denied.error().code == Errc::denied);
    CHECK(body.empty());
}

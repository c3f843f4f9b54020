#include "sinks/http/http_sink.h"

#include "sinks/archive/archived.h"
#include "sinks/contract/web_far_side.h"
#include "sinks/transport/digest.h"
#include "support/fake_clock.h"
#include "support/fake_http_server.h"
#include "support/record_builder.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

using contract::Arrival;
using test::FakeHttpReply;
using test::FakeHttpRequest;
using test::FakeHttpServer;
using Manner = FakeHttpReply::Manner;

HttpPostConfig settings(const std::string& endpoint) {
    HttpPostConfig config;
    config.url = endpoint + "/in?source=penstock";
    config.batch_records = 50;
    config.batch_age = std::chrono::milliseconds(5);
    config.http.timeout = std::chrono::seconds(1);
    config.http.connect_timeout = std::chrono::seconds(1);
    return config;
}

std::unique_ptr<Sink> made(
    const HttpPostConfig& config, const JournalId& journal, const Clock& clock
) {
    SinkContext context;
    context.id = "post";
    context.journal = journal;
    context.clock = &clock;
    return std::move(make_http_sink(config, context)).value();
}

/// A service that keeps what it is sent, and has faults.
class FakeService final : public contract::WebFarSide {
public:
    FakeService() : WebFarSide(read, refuse) {}

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        return made(settings(endpoint()), journal, system_clock());
    }
    [[nodiscard]] std::string refused_payload() override { return "{\"poison\":true}"; }
    [[nodiscard]] std::string oversized_payload() override {
        return "{\"blob\":\"" + std::string(kLineMax, 'x') + "\"}";
    }

private:
    static constexpr std::size_t kLineMax = 10'000;

    static std::vector<Arrival> read(const std::string& body) {
        std::vector<Arrival> all;
        for (const std::string& line : test::lines_of(body))
            all.push_back(test::arrival_of(line));
        return all;
    }
    static std::optional<FakeHttpReply> refuse(const std::string& body) {
        if (body.find("poison\":true") != std::string::npos)
            return FakeHttpReply{422, {}, "poison"};
        const std::vector<std::string> lines = test::lines_of(body);
        const bool large = std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
            return line.size() > kLineMax;
        });
        if (large) return FakeHttpReply{413, {}, ""};
        return std::nullopt;
    }
};

PS_SINK_CONTRACT("http, fake service", "[sinks][http]", [] {
    return std::make_unique<FakeService>();
})

/// A sink by hand, and a server whose answers the test gives.
struct Bench {
    explicit Bench(FakeHttpServer::Handler handler) : server(std::move(handler)) {
        config = settings(server.endpoint());
        config.output.format = OutputForm::raw;
    }
    Sink& sink() {
        if (!sink_) {
            sink_ = made(config, JournalId{{9}}, clock);
            sink_->reset({});
        }
        return *sink_;
    }
    void put(std::uint64_t lsn, const std::string& payload) {
        test::RecordBuilder record;
        record.payload(payload);
        REQUIRE(sink().put({lsn}, record.view()));
    }
    SinkProgress until(Lsn lsn) {
        SinkProgress all;
        sink().flush();
        for (int i = 0; i < 2000 && all.safe < lsn && !all.failure; ++i) {
            SinkProgress progress = sink().poll(10 * kMillisecond);
            all.safe = progress.safe;
            all.failure = std::move(progress.failure);
            for (RefusedRecord& refused : progress.refused)
                all.refused.push_back(std::move(refused));
        }
        return all;
    }

    FakeHttpServer server;
    test::FakeClock clock;
    HttpPostConfig config;

private:
    std::unique_ptr<Sink> sink_;
};

TEST_CASE("http: a request is what was asked for", "[sinks][http]") {
    FakeHttpRequest seen;
    Bench bench([&](const FakeHttpRequest& request) {
        seen = request;
        return FakeHttpReply{202, {}, ""};
    });
    const bool array = GENERATE(false, true);
    bench.config.body = array ? HttpBody::array : HttpBody::ndjson;
    bench.config.headers = {{"X-Fleet", "north"}};
    bench.config.bearer_token = Secret(std::string("token"));
    bench.config.hmac_key = Secret(std::string("key"));
    bench.put(3, "{\"a\":1}");
    bench.put(5, "{\"a\":2}");
    CHECK(bench.until({5}).safe == Lsn{5});
    CHECK(seen.method == "POST");
    CHECK(seen.target == "/in?source=penstock");
    CHECK(seen.body == (array ? "[{\"a\":1},{\"a\":2}]" : "{\"a\":1}\n{\"a\":2}\n"));
    CHECK(seen.headers["content-type"] == (array ? "application/json" : "application/x-ndjson"));
    CHECK(seen.headers["authorization"] == "Bearer token");
    CHECK(seen.headers["x-fleet"] == "north");
    CHECK(seen.headers["x-penstock-signature"] == "sha256=" + hex(hmac_sha256("key", seen.body)));
    CHECK(seen.headers["penstock-batch"] == JournalId{{9}}.text() + "-3-5");
}

TEST_CASE("http: what each answer means", "[sinks][http]") {
    const auto [status, kind] = GENERATE(table<int, FailureClass>({
        {400, FailureClass::configuration},
        {401, FailureClass::credentials},
        {403, FailureClass::credentials},
        {404, FailureClass::configuration},
        {408, FailureClass::transient},
        {429, FailureClass::throttled},
        {500, FailureClass::transient},
        {503, FailureClass::throttled},
        {301, FailureClass::transient},
    }));
    const int answered = status;
    Bench bench([answered](const FakeHttpRequest&) {
        return FakeHttpReply{answered, {"Retry-After: 7"}, "why\n"};
    });
    bench.put(1, "{}");
    const SinkProgress progress = bench.until({1});
    CAPTURE(status);
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == kind);
    CHECK_THAT(progress.failure->message, Catch::Contains("why"));
    CHECK(progress.failure->retry_after == 7 * kSecond);
    CHECK(progress.safe == Lsn{0});
}

TEST_CASE("http: a record to blame is found, whichever status says so", "[sinks][http][S07]") {
    int requests = 0;
    Bench bench([&](const FakeHttpRequest& request) {
        ++requests;
        const bool bad = request.body.find("bad") != std::string::npos;
        return FakeHttpReply{bad ? 400 : 200, {}, "bad field"};
    });
    bench.config.refused_statuses = {400};
    for (std::uint64_t lsn = 1; lsn <= 32; ++lsn)
        bench.put(lsn, lsn == 20 ? "{\"bad\":1}" : "{}");
    const SinkProgress progress = bench.until({32});
    CHECK(progress.safe == Lsn{32});
    REQUIRE(progress.refused.size() == 1);
    CHECK(progress.refused[0].lsn == Lsn{20});
    CHECK_THAT(progress.refused[0].reason, Catch::Contains("bad field"));
    CHECK(requests <= 2 * 5 + 1);
}

TEST_CASE("http: settings that cannot be are refused", "[sinks][http][config]") {
    const auto problems = [](const std::string& more) {
        config::Problems found;
        static_cast<void>(
            config::read<HttpPostConfig>("url: https://example.org/in\n" + more, "p.yaml", found)
        );
        return found.text();
    };
    CHECK(problems("").empty());
    CHECK(problems("headers: { X-A: b }\n").empty());
    CHECK_FALSE(problems("headers: { \"X A\": b }\n").empty());
    CHECK_FALSE(problems("headers: { X-A: \"b\\r\\nEvil: c\" }\n").empty());
    CHECK_FALSE(problems("hmac_header: \"a:b\"\n").empty());
    CHECK_FALSE(problems("body: array\nformat: raw\n").empty());
    CHECK_FALSE(problems("refused_statuses: [500]\n").empty());
}

}  // namespace
}  // namespace penstock::sinks

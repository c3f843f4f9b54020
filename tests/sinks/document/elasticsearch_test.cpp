#include "sinks/document/elasticsearch.h"

#include "sinks/archive/archived.h"
#include "sinks/contract/contract.h"
#include "sinks/document/bulk_answer.h"
#include "support/fake_http_server.h"
#include "support/http_get.h"
#include "support/record_builder.h"
#include "support/relay.h"
#include "support/shared_server.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

using contract::Arrival;
using contract::Fault;
using test::FakeHttpReply;
using test::FakeHttpRequest;
using test::FakeHttpServer;
using test::Relay;
using test::Server;
using Manner = FakeHttpReply::Manner;

ElasticsearchConfig settings(const std::string& endpoint, const std::string& index) {
    ElasticsearchConfig config;
    config.endpoint = endpoint;
    config.index = index;
    config.batch_records = 50;
    config.batch_age = std::chrono::milliseconds(5);
    config.record_max = ByteCount{10'000};
    config.gzip = false;
    config.http.timeout = std::chrono::seconds(1);
    config.http.connect_timeout = std::chrono::seconds(1);
    config.retry.first = std::chrono::milliseconds(10);
    config.retry.longest = std::chrono::milliseconds(100);
    return config;
}

std::unique_ptr<Sink> made(const ElasticsearchConfig& config, const JournalId& journal) {
    SinkContext context;
    context.id = "search";
    context.journal = journal;
    context.seed = 7;
    return std::move(make_elasticsearch_sink(config, context)).value();
}

struct Document {
    std::string index;
    std::string id;
    std::string source;
};

std::vector<Document> documents_of(const std::string& body) {
    const std::vector<std::string> lines = test::lines_of(body);
    REQUIRE(body.ends_with('\n'));
    REQUIRE(lines.size() % 2 == 0);
    std::vector<Document> all;
    for (std::size_t i = 0; i < lines.size(); i += 2) {
        REQUIRE(lines[i].starts_with("{\"create\":{"));
        all.push_back(
            {test::member(lines[i], "_index"), test::member(lines[i], "_id"), lines[i + 1]}
        );
    }
    return all;
}

const std::string kCreated = R"({"create":{"status":201}})";
const std::string kThere =
    R"({"create":{"status":409,"error":{"type":"version_conflict_engine_exception"}}})";
const std::string kThrottled =
    R"({"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}})";
const std::string kBad =
    R"({"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no number"}}})";

FakeHttpReply outcomes(
    const std::vector<Document>& documents, const std::function<std::string(std::size_t)>& outcome
) {
    std::string body = R"({"items":[)";
    for (std::size_t i = 0; i < documents.size(); ++i)
        body += (i > 0 ? "," : "") + outcome(i);
    return {200, {}, body + "]}"};
}

/// A cluster that keeps what it is sent, once for each id, and has faults.
class FakeSearch final : public contract::FarSide {
public:
    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        return made(settings(server_.endpoint(), "tele-{stream}"), journal);
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        const std::lock_guard lock(mutex_);
        return arrived_;
    }
    [[nodiscard]] Nanoseconds patience() const override { return 60 * kSecond; }
    [[nodiscard]] std::string lacks(Fault) const override { return {}; }
    [[nodiscard]] std::string refused_payload() override { return "{\"poison\":true}"; }
    [[nodiscard]] std::string oversized_payload() override {
        return "{\"blob\":\"" + std::string(20'000, 'x') + "\"}";
    }
    void set(Fault fault) override {
        if (fault == Fault::unreachable) return server_.go_away();
        if (fault == Fault::crash) server_.go_away();
        server_.come_back();
        fault_ = fault;
    }

private:
    FakeHttpReply answer(const FakeHttpRequest& request) {
        const std::lock_guard lock(mutex_);
        const std::vector<Document> documents = documents_of(request.body);
        const std::size_t all = documents.size();
        switch (fault_.load()) {
            case Fault::throttled:
                return keep(documents, 0);
            case Fault::denied:
                return {401, {}, R"({"error":"security_exception"})"};
            case Fault::hang:
                return {200, {}, "", Manner::hang};
            case Fault::half_accepted:
                fault_ = Fault::none;
                return keep(documents, all / 2);
            case Fault::reset_after_write:
                fault_ = Fault::none;
                static_cast<void>(keep(documents, all));
                return {200, {}, "", Manner::reset};
            case Fault::none:
            case Fault::unreachable:
            case Fault::crash:
                break;
        }
        return keep(documents, all);
    }
    /// Takes the first of them and throttles the rest.
    FakeHttpReply keep(const std::vector<Document>& documents, std::size_t taken) {
        return outcomes(documents, [&](std::size_t i) {
            if (i >= taken) return kThrottled;
            const Document& one = documents[i];
            if (one.source.find("poison\":true") != std::string::npos) return kBad;
            if (!ids_.insert(one.index + '/' + one.id).second) return kThere;
            arrived_.push_back(test::arrival_of(one.source));
            return kCreated;
        });
    }

    std::mutex mutex_;
    std::set<std::string> ids_;
    std::vector<Arrival> arrived_;
    std::atomic<Fault> fault_{Fault::none};
    FakeHttpServer server_{[this](const FakeHttpRequest& request) { return answer(request); }};
};

PS_SINK_CONTRACT("elasticsearch, fake service", "[sinks][elasticsearch]", [] {
    return std::make_unique<FakeSearch>();
})

enum class Kind : std::uint8_t { osmem, opensearch };

/// Null where it cannot run, or is not asked for.
Server* shared(Kind kind) {
    if (kind == Kind::osmem && std::getenv("PENSTOCK_NO_OPENSEARCH") != nullptr) {
        WARN("skipped: the server could not be fetched");
        return nullptr;
    }
    if (kind == Kind::opensearch && !test::all_servers()) return nullptr;
    Server::Options options;
    options.ports = 2;
    options.environment["OPENSEARCH_SERVER"] = kind == Kind::osmem ? "osmem" : "opensearch";
    return test::shared_server("opensearch", options);
}

std::string unique_index() {
    static std::atomic<int> number{0};
    return "t" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

/// What stands behind `"_source":` of each hit, with the id in front of it.
std::vector<std::string> hits(const Server& server, const std::string& index) {
    static_cast<void>(test::http_ask(server.port(), "POST", '/' + index + "/_refresh"));
    const std::string answer =
        test::http_ask(server.port(), "GET", '/' + index + "/_search?size=10000");
    std::vector<std::string> all;
    const std::string mark = "\"_source\":";
    for (std::size_t at = answer.find(mark); at != std::string::npos;) {
        const std::size_t next = answer.find(mark, at + 1);
        all.push_back(answer.substr(at + mark.size(), next - at - mark.size()));
        at = next;
    }
    return all;
}

/// A new index of the real server, behind a relay.
class RealSearch final : public contract::FarSide {
public:
    RealSearch(Server& server, Kind kind) : server_(server), kind_(kind) {}
    ~RealSearch() override { relay_.set(Relay::Mode::pass); }
    RealSearch(const RealSearch&) = delete;
    RealSearch& operator=(const RealSearch&) = delete;

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        ElasticsearchConfig config =
            settings("http://127.0.0.1:" + std::to_string(relay_.port()), index_ + "-{stream}");
        config.gzip = true;
        config.http.timeout = std::chrono::seconds(20);
        return made(config, journal);
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        std::vector<Arrival> all;
        for (const std::string& hit : hits(server_, index_ + "-wearables"))
            all.push_back(test::arrival_of(hit));
        return all;
    }
    [[nodiscard]] std::string lacks(Fault fault) const override {
        switch (fault) {
            case Fault::half_accepted:
            case Fault::throttled:
                return "this server takes all; the fake one shows it";
            case Fault::denied:
                return "it lets everyone in; the fake one shows it";
            case Fault::crash:
                return kind_ == Kind::osmem ? "it keeps all in memory" : "";
            default:
                return {};
        }
    }
    [[nodiscard]] std::string lacks_order() const override {
        return "documents have no order but that of a search";
    }
    [[nodiscard]] std::string refused_payload() override {
        return "{\"heartRate\":\"far too much\"}";
    }
    [[nodiscard]] std::string oversized_payload() override {
        return "{\"blob\":\"" + std::string(20'000, 'x') + "\"}";
    }
    [[nodiscard]] Nanoseconds patience() const override { return 120 * kSecond; }
    void set(Fault fault) override {
        if (fault == Fault::crash) {
            REQUIRE(server_.kill().ok());
            REQUIRE(server_.restart().ok());
            return;
        }
        relay_.set(
            fault == Fault::unreachable         ? Relay::Mode::refuse
            : fault == Fault::hang              ? Relay::Mode::swallow
            : fault == Fault::reset_after_write ? Relay::Mode::lose_answers
                                                : Relay::Mode::pass
        );
    }

private:
    Server& server_;
    const Kind kind_;
    const std::string index_ = unique_index();
    Relay relay_{server_.port()};
};

TEST_CASE("elasticsearch, osmem: keeps the contract", "[sinks][elasticsearch][server][contract]") {
    Server* const server = shared(Kind::osmem);
    if (server == nullptr) return;
    contract::keeps_all([server] { return std::make_unique<RealSearch>(*server, Kind::osmem); });
}

TEST_CASE(
    "elasticsearch, OpenSearch: keeps the contract", "[sinks][elasticsearch][server][contract]"
) {
    Server* const server = shared(Kind::opensearch);
    if (server == nullptr) return;
    contract::keeps_all([server] { return std::make_unique<RealSearch>(*server, Kind::opensearch); }
    );
}

SinkProgress run_until(Sink& sink, Lsn lsn) {
    SinkProgress all;
    const Nanoseconds end = system_clock().monotonic() + 60 * kSecond;
    while (all.safe < lsn && !all.failure && system_clock().monotonic() < end) {
        sink.flush();
        SinkProgress progress = sink.poll(10 * kMillisecond);
        all.safe = progress.safe;
        all.failure = std::move(progress.failure);
        if (progress.trouble) all.trouble = std::move(progress.trouble);
        all.sent_records += progress.sent_records;
        for (RefusedRecord& refused : progress.refused)
            all.refused.push_back(std::move(refused));
    }
    return all;
}

TEST_CASE("elasticsearch: what is sent again is stored once", "[sinks][elasticsearch][server]") {
    const Kind kind = GENERATE(Kind::osmem, Kind::opensearch);
    const Server* const server = shared(kind);
    if (server == nullptr) return;
    const std::string index = unique_index();
    ElasticsearchConfig config =
        settings("http://127.0.0.1:" + std::to_string(server->port()), index);
    config.http.timeout = std::chrono::seconds(20);
    const auto sink = made(config, JournalId{{9}});
    test::RecordBuilder record;
    record.payload("{\"heartRate\":80}");
    for (int round = 0; round < 2; ++round) {
        sink->reset({});
        for (std::uint64_t lsn = 1; lsn <= 30; ++lsn)
            REQUIRE(sink->put({lsn}, record.view()));
        const SinkProgress progress = run_until(*sink, {30});
        CHECK(progress.safe == Lsn{30});
        CHECK(progress.refused.empty());
    }
    CHECK(hits(*server, index).size() == 30);
}

TEST_CASE(
    "elasticsearch, OpenSearch: a data stream takes documents", "[sinks][elasticsearch][server]"
) {
    const Server* const server = shared(Kind::opensearch);
    if (server == nullptr) return;
    const std::string name = "stream-" + unique_index();
    const std::string made_template = test::http_ask(
        server->port(),
        "PUT",
        "/_index_template/" + name,
        {"Content-Type: application/json"},
        R"({"index_patterns":[")" + name + R"("],"data_stream":{}})"
    );
    REQUIRE_THAT(made_template, Catch::Contains("\"acknowledged\":true"));
    ElasticsearchConfig config =
        settings("http://127.0.0.1:" + std::to_string(server->port()), name);
    config.http.timeout = std::chrono::seconds(20);
    const auto sink = made(config, JournalId{{9}});
    sink->reset({});
    test::RecordBuilder record;
    record.payload("{\"heartRate\":80}");
    for (std::uint64_t lsn = 1; lsn <= 30; ++lsn)
        REQUIRE(sink->put({lsn}, record.view()));
    const SinkProgress progress = run_until(*sink, {30});
    CHECK(progress.safe == Lsn{30});
    CHECK(progress.refused.empty());
    CHECK(hits(*server, name).size() == 30);
}

TEST_CASE("elasticsearch: a probe tells who may come in", "[sinks][elasticsearch][server]") {
    const Server* const server = shared(Kind::osmem);
    if (server == nullptr) return;
    ElasticsearchConfig config =
        settings("http://127.0.0.1:" + std::to_string(server->port()), "probed");
    CHECK(made(config, {})->probe(10 * kSecond).ok());
    config.endpoint = "http://127.0.0.1:1";
    CHECK(made(config, {})->probe(10 * kSecond).error().code == Errc::unavailable);
    FakeHttpServer closed([](const FakeHttpRequest&) { return FakeHttpReply{401, {}, "who?"}; });
    config.endpoint = closed.endpoint();
    const Status denied = made(config, {})->probe(10 * kSecond);
    REQUIRE_FALSE(denied.ok());
    CHECK(denied.error().code == Errc::denied);
    CHECK_THAT(denied.error().message, Catch::Contains("who?"));
}

/// A sink by hand, and a cluster whose answers the test gives.
struct Bench {
    explicit Bench(FakeHttpServer::Handler handler)
        : server(std::move(handler)), config(settings(server.endpoint(), "tele-{stream}")) {}
    Sink& sink() {
        if (!sink_) {
            sink_ = made(config, JournalId{{9}});
            sink_->reset({});
        }
        return *sink_;
    }
    void put(std::uint64_t lsn, const std::string& payload, const std::string& stream = "Vital") {
        test::RecordBuilder record;
        record.payload(payload).stream(stream);
        REQUIRE(sink().put({lsn}, record.view()));
    }
    SinkProgress until(Lsn lsn) { return run_until(sink(), lsn); }

    FakeHttpServer server;
    ElasticsearchConfig config;

private:
    std::unique_ptr<Sink> sink_;
};

TEST_CASE("elasticsearch: a request is what the API wants", "[sinks][elasticsearch]") {
    FakeHttpRequest seen;
    Bench bench([&](const FakeHttpRequest& request) {
        seen = request;
        return outcomes(documents_of(request.body), [](std::size_t) { return kCreated; });
    });
    bench.config.endpoint += "/search/";
    const bool key = GENERATE(false, true);
    if (key) {
        bench.config.api_key = Secret(std::string("a2V5"));
    } else {
        bench.config.user = "elastic";
        bench.config.password = Secret(std::string("secret"));
    }
    bench.config.output.format = OutputForm::flat;
    bench.config.output.fields = {"_penstock.device"};
    bench.put(3, "{\"a\":1}");
    CHECK(bench.until({3}).safe == Lsn{3});
    CHECK(seen.method == "POST");
    CHECK(seen.path() == "/search/_bulk");
    CHECK(seen.headers["content-type"] == "application/x-ndjson");
    CHECK(seen.headers["authorization"] == (key ? "ApiKey a2V5" : "Basic ZWxhc3RpYzpzZWNyZXQ="));
    CHECK(
        seen.body == R"({"create":{"_index":"tele-vital","_id":")" + JournalId{{9}}.text() +
                         "-3\"}}\n"
                         R"({"@timestamp":"2026-01-02T03:04:05.678Z","_penstock.device":"w1"})"
                         "\n"
    );
}

TEST_CASE("elasticsearch: a field of that name is the timestamp", "[sinks][elasticsearch]") {
    std::string source;
    Bench bench([&](const FakeHttpRequest& request) {
        source = documents_of(request.body).at(0).source;
        return outcomes(documents_of(request.body), [](std::size_t) { return kCreated; });
    });
    bench.config.timestamp = "time";
    SECTION("of the device") {
        test::RecordBuilder record;
        record.payload("{\"time\":7}").field("time", "7", FieldType::integer);
        REQUIRE(bench.sink().put({1}, record.view()));
        CHECK(bench.until({1}).safe == Lsn{1});
        CHECK_THAT(source, Catch::StartsWith("{\"time\":7,"));
    }
    SECTION("of the settings") {
        bench.config.output.format = OutputForm::flat;
        bench.config.output.fields = {"_penstock.receivedAt"};
        bench.config.output.rename = {{"_penstock.receivedAt", "time"}};
        bench.put(1, "{}");
        CHECK(bench.until({1}).safe == Lsn{1});
        CHECK(source == "{\"time\":\"2026-01-02T03:04:06.000Z\"}");
    }
    SECTION("and stands alone where the record has none of the chosen fields") {
        bench.config.output.format = OutputForm::flat;
        bench.config.output.fields = {"missing"};
        bench.put(1, "{}");
        CHECK(bench.until({1}).safe == Lsn{1});
        CHECK(source == "{\"time\":\"2026-01-02T03:04:05.678Z\"}");
    }
}

TEST_CASE(
    "elasticsearch: only what was throttled is sent again, before anything newer",
    "[sinks][elasticsearch][S05]"
) {
    std::vector<std::vector<std::string>> requests;
    Bench bench([&](const FakeHttpRequest& request) {
        const auto documents = documents_of(request.body);
        auto& ids = requests.emplace_back();
        for (const Document& one : documents)
            ids.push_back(one.id.substr(one.id.find('-')));
        const bool first = requests.size() == 1;
        return outcomes(documents, [first](std::size_t i) {
            if (!first) return kCreated;
            return i == 0 ? kThere : i == 2 ? kBad : i % 2 == 1 ? kThrottled : kCreated;
        });
    });
    bench.config.batch_records = 5;
    for (std::uint64_t lsn = 1; lsn <= 7; ++lsn)
        bench.put(lsn, "{}");
    const SinkProgress progress = bench.until({7});
    CHECK(progress.safe == Lsn{7});
    CHECK(
        requests ==
        std::vector<std::vector<std::string>>{
            {"-1", "-2", "-3", "-4", "-5"}, {"-2", "-4"}, {"-6", "-7"}
        }
    );
    CHECK(progress.sent_records == 9);
    REQUIRE(progress.trouble);
    CHECK(progress.trouble->kind == FailureClass::throttled);
    CHECK_THAT(progress.trouble->message, Catch::Contains("es_rejected_execution_exception"));
    REQUIRE(progress.refused.size() == 1);
    CHECK(progress.refused[0].lsn == Lsn{3});
    CHECK_THAT(progress.refused[0].reason, Catch::Contains("no number"));
}

TEST_CASE("elasticsearch: what is too long goes in parts", "[sinks][elasticsearch]") {
    std::set<std::string> stored;
    Bench bench([&](const FakeHttpRequest& request) {
        const auto documents = documents_of(request.body);
        const bool large = request.body.find("large") != std::string::npos;
        if (request.body.size() > 2'000 || large) return FakeHttpReply{413, {}, ""};
        if (documents.size() == 3) return FakeHttpReply{200, {}, "", Manner::endless_body};
        for (const Document& one : documents)
            stored.insert(one.id);
        return outcomes(documents, [](std::size_t) { return kCreated; });
    });
    bench.config.http.timeout = std::chrono::seconds(30);
    for (std::uint64_t lsn = 1; lsn <= 24; ++lsn)
        bench.put(lsn, lsn == 20 ? "{\"large\":1}" : "{}");
    const SinkProgress progress = bench.until({24});
    CHECK(progress.safe == Lsn{24});
    CHECK(stored.size() == 23);
    REQUIRE(progress.refused.size() == 1);
    CHECK(progress.refused[0].lsn == Lsn{20});
}

TEST_CASE("elasticsearch: answers to a request are sorted into classes", "[sinks][elasticsearch]") {
    const auto [status, kind] = GENERATE(table<int, FailureClass>({
        {400, FailureClass::configuration},
        {401, FailureClass::credentials},
        {403, FailureClass::credentials},
        {404, FailureClass::configuration},
        {429, FailureClass::throttled},
        {502, FailureClass::transient},
        {503, FailureClass::throttled},
    }));
    const int answered = status;
    Bench bench([answered](const FakeHttpRequest&) {
        return FakeHttpReply{answered, {"Retry-After: 7"}, "why"};
    });
    bench.put(1, "{}");
    const SinkProgress progress = bench.until({1});
    CAPTURE(status);
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == kind);
    CHECK(progress.failure->retry_after == 7 * kSecond);
    CHECK(progress.safe == Lsn{0});
}

TEST_CASE("elasticsearch: answers about documents are sorted", "[sinks][elasticsearch]") {
    const auto judged = [](int status, const std::string& type, const std::string& reason) {
        return judge_bulk(
                   R"({"items":[{"create":{"status":)" + std::to_string(status) +
                       R"(,"error":{"type":")" + type + R"(","reason":")" + reason + R"("}}}]})",
                   1
        )
            .value();
    };
    CHECK(judged(409, "version_conflict_engine_exception", "").again.empty());
    CHECK(judged(429, "cluster_block_exception", "").why->kind == FailureClass::throttled);
    CHECK(judged(503, "unavailable_shards_exception", "").again.size() == 1);
    CHECK(judged(500, "", "").why->kind == FailureClass::transient);
    CHECK(judged(400, "mapper_parsing_exception", "failed").refused.size() == 1);
    CHECK(judged(400, "document_parsing_exception", "failed").refused.size() == 1);
    CHECK(judged(400, "illegal_argument_exception", "one immense term").refused.size() == 1);
    const std::string no_index = "no write index is defined for alias [x]";
    CHECK(
        judged(400, "illegal_argument_exception", no_index).failure->kind ==
        FailureClass::configuration
    );
    CHECK(judged(400, "index_closed_exception", "").failure->kind == FailureClass::configuration);
    CHECK(
        judged(404, "index_not_found_exception", "").failure->kind == FailureClass::configuration
    );
    CHECK(judged(403, "security_exception", "").failure->kind == FailureClass::credentials);
    CHECK_FALSE(judge_bulk(R"({"items":[]})", 1).ok());
    CHECK_FALSE(judge_bulk(R"({"items":[{"index":{"status":200}}]})", 1).ok());
    CHECK_FALSE(judge_bulk("<html>", 0).ok());
}

TEST_CASE("elasticsearch: settings that cannot be are refused", "[sinks][elasticsearch][config]") {
    const auto problems = [](const std::string& index, const std::string& more = {}) {
        config::Problems found;
        static_cast<void>(config::read<ElasticsearchConfig>(
            "endpoint: https://example.org\nindex: \"" + index + "\"\n" + more, "p.yaml", found
        ));
        return found.text();
    };
    CHECK(problems("telemetry").empty());
    CHECK(problems("a-{stream}.{status}").empty());
    for (const char* bad :
         {"", "Telemetry", "-a", "_a", "+a", ".", "..", "a b", "a/b", "a*", "{stream}", "a{device}"
         })
        CHECK_FALSE(problems(bad).empty());
    CHECK_FALSE(problems(std::string(256, 'a')).empty());
    CHECK_FALSE(problems("a", "format: raw\n").empty());
    CHECK_FALSE(problems("a", "user: me\n").empty());
    CHECK_FALSE(problems("a", "user: me\npassword: x\napi_key: y\n").empty());
    CHECK_FALSE(problems("a", "api_key: \"a\\r\\nb\"\n").empty());
    CHECK_FALSE(problems("a", "timestamp: \"\"\n").empty());
}

}  // namespace
}  // namespace penstock::sinks

#include "sinks/stream/kinesis.h"

#include "base/base64.h"
#include "sinks/archive/archived.h"
#include "sinks/contract/contract.h"
#include "sinks/stream/kinesis_call.h"
#include "support/fake_http_server.h"
#include "support/fake_log.h"
#include "support/record_builder.h"
#include "support/relay.h"
#include "support/server.h"

#include <catch2/catch.hpp>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
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

KinesisConfig settings(const std::string& endpoint, const std::string& stream) {
    KinesisConfig config;
    config.endpoint = endpoint;
    config.stream = stream;
    config.batch_records = 50;
    config.batch_age = std::chrono::milliseconds(5);
    config.record_max = ByteCount{10'000};
    config.credentials.access_key = "AKID";
    config.credentials.secret_key = Secret(std::string("secret"));
    config.http.timeout = std::chrono::seconds(1);
    config.http.connect_timeout = std::chrono::seconds(1);
    config.retry.first = std::chrono::milliseconds(10);
    config.retry.longest = std::chrono::milliseconds(100);
    return config;
}

std::unique_ptr<Sink> made(const KinesisConfig& config, const JournalId& journal) {
    SinkContext context;
    context.id = "stream";
    context.journal = journal;
    context.seed = 7;
    return std::move(make_kinesis_sink(config, context)).value();
}

struct Put {
    std::string data;
    std::string key;
};

/// The records of a request or an answer.
std::vector<Put> records_of(const std::string& body) {
    std::vector<Put> all;
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    REQUIRE(parser.parse(body).get(root) == simdjson::SUCCESS);
    for (const simdjson::dom::element one : root["Records"].get_array()) {
        const std::string_view data = one["Data"].get_string();
        const std::string_view key = one["PartitionKey"].get_string();
        all.push_back({base64_decoded(data).value(), std::string(key)});
    }
    return all;
}

FakeHttpReply error(int status, const std::string& type) {
    return {status, {}, "{\"__type\":\"" + type + "\",\"message\":\"no\"}"};
}

/// The answer to a request of which some records were stored.
template <class Stored>
FakeHttpReply outcomes(std::size_t count, Stored stored) {
    std::string body = "{\"FailedRecordCount\":1,\"Records\":[";
    for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) body += ',';
        body += stored(i) ? "{\"SequenceNumber\":\"49\",\"ShardId\":\"shardId-0\"}"
                          : "{\"ErrorCode\":\"ProvisionedThroughputExceededException\","
                            "\"ErrorMessage\":\"Rate exceeded for shard\"}";
    }
    return {200, {}, body + "]}"};
}

/// A service that keeps what it is sent, and has faults.
class FakeKinesis final : public contract::FarSide {
public:
    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        return made(settings(server_.endpoint(), "tele"), journal);
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        const std::lock_guard lock(mutex_);
        return arrived_;
    }
    [[nodiscard]] Nanoseconds patience() const override { return 60 * kSecond; }
    [[nodiscard]] std::string lacks(Fault) const override { return {}; }
    [[nodiscard]] std::string lacks_refusal() const override { return "a record holds any bytes"; }
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
        const std::vector<Put> records = records_of(request.body);
        switch (fault_.load()) {
            case Fault::throttled:
                return error(400, "ProvisionedThroughputExceededException");
            case Fault::denied:
                return error(400, "com.amazon.coral#UnrecognizedClientException");
            case Fault::hang:
                return {200, {}, "", Manner::hang};
            case Fault::half_accepted:
                fault_ = Fault::none;
                return keep(records, 2);
            case Fault::reset_after_write:
                fault_ = Fault::none;
                static_cast<void>(keep(records, 1));
                return {200, {}, "", Manner::reset};
            case Fault::none:
            case Fault::unreachable:
            case Fault::crash:
                break;
        }
        return keep(records, 1);
    }
    /// Stores every `step`th record.
    FakeHttpReply keep(const std::vector<Put>& records, std::size_t step) {
        std::set<std::string> keys;
        for (std::size_t i = 0; i < records.size(); ++i) {
            if (!keys.insert(records[i].key).second) ordered_ = false;
            if (i % step == 0) arrived_.push_back(test::arrival_of(records[i].data));
        }
        if (!ordered_) return error(500, "two records of a key in one request");
        return outcomes(records.size(), [step](std::size_t i) { return i % step == 0; });
    }

    std::mutex mutex_;
    std::vector<Arrival> arrived_;
    bool ordered_ = true;
    std::atomic<Fault> fault_{Fault::none};
    FakeHttpServer server_{[this](const FakeHttpRequest& request) { return answer(request); }};
};

PS_SINK_CONTRACT("kinesis, fake service", "[sinks][kinesis]", [] {
    return std::make_unique<FakeKinesis>();
})

/// A real server; null where it cannot run.
Server* shared() {
    static const std::unique_ptr<Server> server = []() -> std::unique_ptr<Server> {
        if (std::getenv("PENSTOCK_NO_KINESIS") != nullptr) return nullptr;
        Server::Options options;
        options.ports = 1;
        auto started = Server::start("kinesis", options);
        if (!started.ok()) FAIL(started.error().message);
        return std::move(started).value();
    }();
    if (!server) WARN("skipped: the server could not be fetched");
    return server.get();
}

/// Looks into the server beside the sink.
class Admin {
public:
    explicit Admin(const KinesisConfig& config)
        : service_(kinesis_service(config, system_clock())) {}

    std::string ask(const std::string& action, const std::string& body) {
        HttpRequest request = service_.request(action, body, std::size_t{64} << 20U).value();
        const auto response = client_.call(std::move(request));
        REQUIRE(response.ok());
        INFO(action << ": " << response->body.substr(0, 300));
        REQUIRE(response->success());
        return response->body;
    }
    std::string ask(const std::string& action, const std::string& body, const char* member) {
        simdjson::dom::parser parser;
        const std::string answer = ask(action, body);
        simdjson::dom::element root;
        REQUIRE(parser.parse(answer).get(root) == simdjson::SUCCESS);
        std::string_view text;
        return root[member].get_string().get(text) == simdjson::SUCCESS ? std::string(text) : "";
    }

private:
    AwsJson service_;
    HttpClient client_{HttpConfig{}};
};

KinesisConfig real_settings(const Server& server, std::uint16_t port, const std::string& stream) {
    KinesisConfig config = settings("http://127.0.0.1:" + std::to_string(port), stream);
    config.connections = 1;  // moto loses records of two requests at a time
    config.credentials.access_key = server.value("access_key");
    config.credentials.secret_key = Secret(server.value("secret_key"));
    config.http.timeout = std::chrono::seconds(5);
    return config;
}

/// A new stream of one shard of the real server, behind a relay.
class RealKinesis final : public contract::FarSide {
public:
    explicit RealKinesis(const Server& server) : server_(server) {
        admin_.ask("CreateStream", "{\"StreamName\":\"" + stream_ + "\",\"ShardCount\":1}");
    }
    ~RealKinesis() override { RealKinesis::set(Fault::none); }
    RealKinesis(const RealKinesis&) = delete;
    RealKinesis& operator=(const RealKinesis&) = delete;

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        return made(real_settings(server_, relay_.port(), stream_), journal);
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        std::string from = admin_.ask(
            "GetShardIterator",
            "{\"StreamName\":\"" + stream_ +
                "\",\"ShardId\":\"shardId-000000000000\",\"ShardIteratorType\":\"TRIM_HORIZON\"}",
            "ShardIterator"
        );
        std::erase(from, '\n');  // this server's have line breaks
        arrived_.clear();
        for (const Put& one : records_of(
                 admin_.ask("GetRecords", "{\"ShardIterator\":\"" + from + "\",\"Limit\":10000}")
             ))
            arrived_.push_back(test::arrival_of(one.data));
        return arrived_;
    }
    [[nodiscard]] std::string lacks(Fault fault) const override {
        switch (fault) {
            case Fault::half_accepted:
            case Fault::throttled:
                return "this server takes all; the fake one shows it";
            case Fault::denied:
                return "its key cannot be taken back; a case of its own has a wrong one";
            case Fault::crash:
                return "it keeps all in memory; the fake one shows it";
            default:
                return {};
        }
    }
    [[nodiscard]] std::string lacks_refusal() const override { return "a record holds any bytes"; }
    [[nodiscard]] std::string oversized_payload() override {
        return "{\"blob\":\"" + std::string(20'000, 'x') + "\"}";
    }
    [[nodiscard]] Nanoseconds patience() const override { return 90 * kSecond; }
    void set(Fault fault) override {
        relay_.set(
            fault == Fault::unreachable         ? Relay::Mode::refuse
            : fault == Fault::hang              ? Relay::Mode::swallow
            : fault == Fault::reset_after_write ? Relay::Mode::lose_answers
                                                : Relay::Mode::pass
        );
    }

private:
    static std::string unique_stream() {
        static std::atomic<int> number{0};
        return "s" + std::to_string(::getpid()) + "-" + std::to_string(++number);
    }

    const Server& server_;
    const std::string stream_ = unique_stream();
    Relay relay_{server_.port()};
    Admin admin_{real_settings(server_, server_.port(), stream_)};
    std::vector<Arrival> arrived_;
};

TEST_CASE("kinesis, real server: keeps the contract", "[sinks][kinesis][server][contract]") {
    const Server* const server = shared();
    if (server == nullptr) return;
    contract::keeps_all([server] { return std::make_unique<RealKinesis>(*server); });
}

TEST_CASE("kinesis: a probe tells who may come in and what is there", "[sinks][kinesis][server]") {
    const Server* const server = shared();
    if (server == nullptr) return;
    KinesisConfig config = real_settings(*server, server->port(), "probed");
    const Status missing = made(config, {})->probe(10 * kSecond);
    REQUIRE_FALSE(missing.ok());
    CHECK_THAT(missing.error().message, Catch::Contains("ResourceNotFoundException"));
    Admin(config).ask("CreateStream", "{\"StreamName\":\"probed\",\"ShardCount\":1}");
    CHECK(made(config, {})->probe(10 * kSecond).ok());
    config.credentials.secret_key = Secret(std::string("wrong"));
    CHECK(made(config, {})->probe(10 * kSecond).error().code == Errc::denied);
    config.endpoint = "http://127.0.0.1:1";
    CHECK(made(config, {})->probe(10 * kSecond).error().code == Errc::unavailable);
}

/// A sink by hand, and a service whose answers the test gives.
struct Bench {
    explicit Bench(FakeHttpServer::Handler handler)
        : server(std::move(handler)), config(settings(server.endpoint(), "tele")) {
        config.output.format = OutputForm::raw;
    }
    Sink& sink() {
        if (!sink_) {
            sink_ = made(config, {});
            sink_->reset({});
        }
        return *sink_;
    }
    void put(std::uint64_t lsn, const std::string& device, const std::string& payload) {
        test::RecordBuilder record;
        record.device(device).payload(payload);
        REQUIRE(sink().put({lsn}, record.view()));
    }
    SinkProgress until(Lsn lsn) {
        SinkProgress all;
        const Nanoseconds end = system_clock().monotonic() + 30 * kSecond;
        while (all.safe < lsn && !all.failure && system_clock().monotonic() < end) {
            sink().flush();
            SinkProgress progress = sink().poll(10 * kMillisecond);
            all.safe = progress.safe;
            all.failure = std::move(progress.failure);
            if (progress.trouble) all.trouble = std::move(progress.trouble);
            all.sent_records += progress.sent_records;
            for (RefusedRecord& refused : progress.refused)
                all.refused.push_back(std::move(refused));
        }
        return all;
    }

    FakeHttpServer server;
    KinesisConfig config;

private:
    std::unique_ptr<Sink> sink_;
};

TEST_CASE("kinesis: only what was not stored is sent again", "[sinks][kinesis][S05]") {
    std::vector<std::string> stored;
    int requests = 0;
    Bench bench([&](const FakeHttpRequest& request) {
        const auto records = records_of(request.body);
        const bool first = ++requests == 1;
        for (std::size_t i = 0; i < records.size(); ++i) {
            if (!first || i != 1) stored.push_back(records[i].data);
        }
        return outcomes(records.size(), [first](std::size_t i) { return !first || i != 1; });
    });
    bench.put(1, "a", "a1");
    bench.put(2, "b", "b1");
    bench.put(3, "c", "c1");
    bench.put(4, "b", "b2");
    const SinkProgress progress = bench.until({4});
    CHECK(progress.safe == Lsn{4});
    CHECK(stored == std::vector<std::string>{"a1", "c1", "b1", "b2"});
    CHECK(progress.sent_records == 5);
    REQUIRE(progress.trouble);
    CHECK(progress.trouble->kind == FailureClass::throttled);
    CHECK_THAT(progress.trouble->message, Catch::Contains("Rate exceeded"));
}

TEST_CASE("kinesis: requests keep the limits of the service", "[sinks][kinesis]") {
    std::size_t largest = 0;
    std::size_t most = 0;
    Bench bench([&](const FakeHttpRequest& request) {
        std::size_t size = 0;
        const auto records = records_of(request.body);
        for (const Put& one : records)
            size += one.data.size() + one.key.size();
        largest = std::max(largest, size);
        most = std::max(most, records.size());
        return outcomes(records.size(), [](std::size_t) { return true; });
    });
    bench.config.key = "";
    bench.config.batch_size = ByteCount{5'000};
    for (std::uint64_t lsn = 1; lsn <= 100; ++lsn)
        bench.put(lsn, "d", lsn == 50 ? std::string(10'001, 'x') : std::string(lsn * 5, 'x'));
    const SinkProgress progress = bench.until({100});
    CHECK(progress.safe == Lsn{100});
    CHECK(largest <= 5'000);
    CHECK(largest > 2'500);
    CHECK(most <= 50);
    REQUIRE(progress.refused.size() == 1);
    CHECK(progress.refused[0].lsn == Lsn{50});
}

TEST_CASE("kinesis: a random key is another for each record", "[sinks][kinesis]") {
    std::set<std::string> keys;
    Bench bench([&](const FakeHttpRequest& request) {
        const auto records = records_of(request.body);
        for (const Put& one : records)
            keys.insert(one.key);
        return outcomes(records.size(), [](std::size_t) { return true; });
    });
    bench.config.key = "";
    for (std::uint64_t lsn = 1; lsn <= 40; ++lsn)
        bench.put(lsn, "d", "x");
    CHECK(bench.until({40}).safe == Lsn{40});
    CHECK(keys.size() == 40);
}

TEST_CASE("kinesis: answers are sorted into classes", "[sinks][kinesis]") {
    const auto kind = [](int status, const char* type) {
        HttpResponse response;
        response.status = status;
        response.body = std::string("{\"__type\":\"") + type + "\"}";
        return aws_failure(response, 0).kind;
    };
    CHECK(kind(400, "com.amazonaws#ResourceNotFoundException") == FailureClass::configuration);
    CHECK(kind(400, "LimitExceededException") == FailureClass::throttled);
    CHECK(kind(400, "ExpiredTokenException") == FailureClass::credentials);
    CHECK(kind(403, "Unheard") == FailureClass::credentials);
    CHECK(kind(500, "InternalFailure") == FailureClass::transient);
    CHECK(kind(503, "") == FailureClass::throttled);
    CHECK_FALSE(put_outcomes("{\"Records\":[]}", 1).ok());
    CHECK_FALSE(put_outcomes("<html>", 1).ok());
    const auto some = put_outcomes(
        "{\"Records\":[{\"SequenceNumber\":\"1\",\"ErrorCode\":null},{\"ErrorCode\":\"X\"}]}", 2
    );
    REQUIRE(some.ok());
    CHECK_FALSE(some.value()[0]);
    REQUIRE(some.value()[1]);
    CHECK(some.value()[1]->kind == FailureClass::transient);
}

}  // namespace
}  // namespace penstock::sinks

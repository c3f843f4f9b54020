#include "sinks/document/dynamodb.h"

#include "base/iso_time.h"
#include "sinks/contract/contract.h"
#include "sinks/document/batch_write.h"
#include "support/fake_http_server.h"
#include "support/record_builder.h"
#include "support/relay.h"
#include "support/shared_server.h"

#include <catch2/catch.hpp>
#include <simdjson.h>
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
using simdjson::dom::element;
using test::FakeHttpReply;
using test::FakeHttpRequest;
using test::FakeHttpServer;
using test::Relay;
using test::Server;
using Manner = FakeHttpReply::Manner;

DynamodbConfig settings(const std::string& endpoint, const std::string& table) {
    DynamodbConfig config;
    config.endpoint = endpoint;
    config.table = table;
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

std::unique_ptr<Sink> made(const DynamodbConfig& config, const JournalId& journal) {
    SinkContext context;
    context.id = "items";
    context.journal = journal;
    context.seed = 7;
    return std::move(make_dynamodb_sink(config, context)).value();
}

std::string text(const element& item, const char* name, const char* type = "S") {
    std::string_view value;
    return item[name][type].get_string().get(value) == simdjson::SUCCESS ? std::string(value) : "";
}

/// An item of the enriched form.
Arrival arrival_of(const element& item) {
    Arrival arrival;
    arrival.device = text(item, "device");
    const std::string id = text(item, "id");
    arrival.lsn = Lsn{std::stoull(id.substr(id.find('-') + 1))};
    const element ours = item["_penstock"]["M"];
    arrival.event_time = parse_iso_time(text(ours, "eventTime")).value_or(0);
    arrival.value = text(item, "heartRate", "N");
    return arrival;
}

struct Put {
    std::string key;   // partition and sort key
    std::string item;  // as JSON
    std::string request;
};

std::vector<Put> puts_of(const std::string& body, const std::string& table = "tele") {
    std::vector<Put> all;
    simdjson::dom::parser parser;
    element root;
    REQUIRE(parser.parse(body).get(root) == simdjson::SUCCESS);
    for (const element one : root["RequestItems"][table].get_array()) {
        const element item = one["PutRequest"]["Item"];
        all.push_back(
            {text(item, "device") + '/' + text(item, "id"),
             simdjson::minify(item),
             simdjson::minify(one)}
        );
    }
    return all;
}

FakeHttpReply error(int status, const std::string& type, const std::string& message = "no") {
    return {status, {}, "{\"__type\":\"" + type + "\",\"message\":\"" + message + "\"}"};
}

FakeHttpReply processed(
    const std::vector<Put>& puts, const std::function<bool(std::size_t)>& stored
) {
    std::string left;
    for (std::size_t i = 0; i < puts.size(); ++i) {
        if (stored(i)) continue;
        left += (left.empty() ? "" : ",") + puts[i].request;
    }
    if (!left.empty()) left = "\"tele\":[" + left + ']';
    return {200, {}, "{\"UnprocessedItems\":{" + left + "}}"};
}

/// A service that keeps what it is sent, once for each key, and has faults.
class FakeTable final : public contract::FarSide {
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
        const std::vector<Put> puts = puts_of(request.body);
        const std::size_t all = puts.size();
        switch (fault_.load()) {
            case Fault::throttled:
                return error(400, "ProvisionedThroughputExceededException");
            case Fault::denied:
                return error(400, "com.amazon.coral.service#UnrecognizedClientException");
            case Fault::hang:
                return {200, {}, "", Manner::hang};
            case Fault::half_accepted:
                fault_ = Fault::none;
                return keep(puts, all / 2);
            case Fault::reset_after_write:
                fault_ = Fault::none;
                static_cast<void>(keep(puts, all));
                return {200, {}, "", Manner::reset};
            case Fault::none:
            case Fault::unreachable:
            case Fault::crash:
                break;
        }
        if (request.body.find("\"poison\"") != std::string::npos) {
            return error(
                400, "com.amazon.coral.validate#ValidationException", "Item size has exceeded"
            );
        }
        return keep(puts, all);
    }
    FakeHttpReply keep(const std::vector<Put>& puts, std::size_t taken) {
        for (std::size_t i = 0; i < taken; ++i) {
            if (!keys_.insert(puts[i].key).second) continue;
            simdjson::dom::parser parser;
            arrived_.push_back(arrival_of(parser.parse(puts[i].item)));
        }
        return processed(puts, [taken](std::size_t i) { return i < taken; });
    }

    std::mutex mutex_;
    std::set<std::string> keys_;
    std::vector<Arrival> arrived_;
    std::atomic<Fault> fault_{Fault::none};
    FakeHttpServer server_{[this](const FakeHttpRequest& request) { return answer(request); }};
};

PS_SINK_CONTRACT("dynamodb, fake service", "[sinks][dynamodb]", [] {
    return std::make_unique<FakeTable>();
})

/// A real server; null where it cannot run. The one of the Kinesis sink: it speaks this API too.
Server* shared() {
    if (std::getenv("PENSTOCK_NO_KINESIS") != nullptr) {
        WARN("skipped: the server could not be fetched");
        return nullptr;
    }
    Server::Options options;
    options.ports = 1;
    return test::shared_server("kinesis", options);
}

/// Looks into the server beside the sink.
class Admin {
public:
    explicit Admin(const DynamodbConfig& config)
        : service_(dynamodb_service(config, system_clock())), table_(config.table) {}

    std::string ask(const std::string& action, const std::string& body) {
        const auto response =
            client_.call(service_.request(action, body, std::size_t{64} << 20U).value());
        REQUIRE(response.ok());
        INFO(action << ": " << response->body.substr(0, 300));
        REQUIRE(response->success());
        return response->body;
    }
    void create(bool sorted) {
        std::string names = R"({"AttributeName":"device","AttributeType":"S"})";
        std::string keys = R"({"AttributeName":"device","KeyType":"HASH"})";
        if (sorted) {
            names += R"(,{"AttributeName":"id","AttributeType":"S"})";
            keys += R"(,{"AttributeName":"id","KeyType":"RANGE"})";
        }
        ask("CreateTable",
            R"({"TableName":")" + table_ + R"(","BillingMode":"PAY_PER_REQUEST",)" +
                R"("AttributeDefinitions":[)" + names + R"(],"KeySchema":[)" + keys + "]}");
    }
    template <class Visit>
    void each_item(Visit visit) {
        std::string from;
        do {
            const std::string answer =
                ask("Scan",
                    "{\"TableName\":\"" + table_ + '"' +
                        (from.empty() ? "" : ",\"ExclusiveStartKey\":" + from) + '}');
            simdjson::dom::parser parser;
            const element root = parser.parse(answer);
            for (const element item : root["Items"].get_array())
                visit(item);
            element last;
            from = root["LastEvaluatedKey"].get(last) == simdjson::SUCCESS ? simdjson::minify(last)
                                                                           : "";
        } while (!from.empty());
    }

private:
    AwsJson service_;
    std::string table_;
    HttpClient client_{HttpConfig{}};
};

DynamodbConfig real_settings(const Server& server, std::uint16_t port, const std::string& table) {
    DynamodbConfig config = settings("http://127.0.0.1:" + std::to_string(port), table);
    config.credentials.access_key = server.value("access_key");
    config.credentials.secret_key = Secret(server.value("secret_key"));
    config.http.timeout = std::chrono::seconds(10);
    return config;
}

std::string unique_table() {
    static std::atomic<int> number{0};
    return "t" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

/// A new table of the real server, behind a relay.
class RealTable final : public contract::FarSide {
public:
    explicit RealTable(const Server& server) : server_(server) { admin_.create(true); }
    ~RealTable() override { relay_.set(Relay::Mode::pass); }
    RealTable(const RealTable&) = delete;
    RealTable& operator=(const RealTable&) = delete;

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        return made(real_settings(server_, relay_.port(), table_), journal);
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        std::vector<Arrival> all;
        admin_.each_item([&all](const element& item) { all.push_back(arrival_of(item)); });
        return all;
    }
    [[nodiscard]] std::string lacks(Fault fault) const override {
        switch (fault) {
            case Fault::half_accepted:
            case Fault::throttled:
                return "this server takes all; the fake one shows it";
            case Fault::denied:
                return "its key cannot be taken back; the probe has a wrong one";
            case Fault::crash:
                return "it keeps all in memory; the fake one shows it";
            default:
                return {};
        }
    }
    [[nodiscard]] std::string lacks_order() const override {
        return "items have no order but that of the sort key";
    }
    [[nodiscard]] std::string refused_payload() override {
        std::string deep;
        for (int i = 0; i < 40; ++i)
            deep += "{\"a\":";
        return deep + "1" + std::string(40, '}');
    }
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
    const Server& server_;
    const std::string table_ = unique_table();
    Relay relay_{server_.port()};
    Admin admin_{real_settings(server_, server_.port(), table_)};
};

TEST_CASE("dynamodb, real server: keeps the contract", "[sinks][dynamodb][server][contract]") {
    const Server* const server = shared();
    if (server == nullptr) return;
    contract::keeps_all([server] { return std::make_unique<RealTable>(*server); });
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

TEST_CASE(
    "dynamodb: a probe tells who may come in and what is there", "[sinks][dynamodb][server]"
) {
    const Server* const server = shared();
    if (server == nullptr) return;
    DynamodbConfig config = real_settings(*server, server->port(), unique_table());
    const Status missing = made(config, {})->probe(10 * kSecond);
    REQUIRE_FALSE(missing.ok());
    CHECK_THAT(missing.error().message, Catch::Contains("ResourceNotFoundException"));
    Admin(config).create(true);
    CHECK(made(config, {})->probe(10 * kSecond).ok());
    config.credentials.secret_key = Secret(std::string("wrong"));
    CHECK(made(config, {})->probe(10 * kSecond).error().code == Errc::denied);
    config.endpoint = "http://127.0.0.1:1";
    CHECK(made(config, {})->probe(10 * kSecond).error().code == Errc::unavailable);
}

TEST_CASE(
    "dynamodb: without a sort key an item is the latest to arrive", "[sinks][dynamodb][server]"
) {
    const Server* const server = shared();
    if (server == nullptr) return;
    DynamodbConfig config = real_settings(*server, server->port(), unique_table());
    config.sort_key = "";
    Admin admin(config);
    admin.create(false);
    const auto sink = made(config, {});
    sink->reset({});
    std::uint64_t lsn = 0;
    for (int round = 1; round <= 5; ++round) {
        for (const char* device : {"a", "b", "c"}) {
            test::RecordBuilder record;
            record.device(device).payload("{\"heartRate\":" + std::to_string(round) + "}");
            while (!sink->put({lsn + 1}, record.view()))
                REQUIRE_FALSE(sink->poll(10 * kMillisecond).failure);
            ++lsn;
        }
    }
    CHECK(run_until(*sink, {15}).safe == Lsn{15});
    std::set<std::string> found;
    admin.each_item([&found](const element& item) {
        found.insert(text(item, "device") + text(item, "heartRate", "N"));
    });
    CHECK(found == std::set<std::string>{"a5", "b5", "c5"});
}

/// A sink by hand, and a service whose answers the test gives.
struct Bench {
    explicit Bench(FakeHttpServer::Handler handler)
        : server(std::move(handler)), config(settings(server.endpoint(), "tele")) {}
    Sink& sink() {
        if (!sink_) {
            sink_ = made(config, JournalId{{9}});
            sink_->reset({});
        }
        return *sink_;
    }
    bool put(std::uint64_t lsn, const std::string& device, const std::string& payload = "{}") {
        test::RecordBuilder record;
        record.device(device).payload(payload);
        return sink().put({lsn}, record.view());
    }
    SinkProgress until(Lsn lsn) { return run_until(sink(), lsn); }

    FakeHttpServer server;
    DynamodbConfig config;

private:
    std::unique_ptr<Sink> sink_;
};

TEST_CASE("dynamodb: an item has its key and typed attributes", "[sinks][dynamodb]") {
    FakeHttpRequest seen;
    Bench bench([&](const FakeHttpRequest& request) {
        seen = request;
        return processed({}, {});
    });
    bench.config.output.format = OutputForm::flat;
    bench.config.output.fields = {"id", "n", "s", "b", "z", "l"};
    bench.config.sort_value = DynamodbSort::time;
    test::RecordBuilder record;
    record.payload("{}")
        .field("id", "7", FieldType::integer)
        .field("n", "1.2345678901234567890123", FieldType::number)
        .field("s", "Ger\xC3\xA4t", FieldType::string)
        .field("b", "true", FieldType::boolean)
        .field("z", "null", FieldType::null)
        .field("l", "[1, {\"x\" : \"y\\\"z\"}]", FieldType::json);
    REQUIRE(bench.sink().put({3}, record.view()));
    CHECK(bench.until({3}).safe == Lsn{3});
    CHECK(seen.headers["x-amz-target"] == "DynamoDB_20120810.BatchWriteItem");
    CHECK(seen.headers["content-type"] == "application/x-amz-json-1.0");
    CHECK_THAT(seen.headers["authorization"], Catch::Contains("/us-east-1/dynamodb/aws4_request"));
    const auto puts = puts_of(seen.body);
    REQUIRE(puts.size() == 1);
    CHECK(
        puts[0].item ==
        R"({"device":{"S":"w1"},"id":{"S":"2026-01-02T03:04:05.678000000Z#)" +
            JournalId{{9}}.text() +
            R"(-00000000000000000003"},"payload.id":{"N":"7"},"n":{"N":"1.2345678901234567890123"},)"
            "\"s\":{\"S\":\"Ger\xC3\xA4t\"},"
            R"("b":{"BOOL":true},"z":{"NULL":true},)"
            R"("l":{"L":[{"N":"1"},{"M":{"x":{"S":"y\"z"}}}]}})"
    );
}

TEST_CASE(
    "dynamodb: only what was not processed is sent again, before anything newer",
    "[sinks][dynamodb][S05]"
) {
    std::vector<std::vector<std::string>> requests;
    Bench bench([&](const FakeHttpRequest& request) {
        const auto puts = puts_of(request.body);
        auto& ids = requests.emplace_back();
        for (const Put& one : puts)
            ids.push_back(one.key.substr(one.key.size() - 2));
        const bool first = requests.size() == 1;
        return processed(puts, [first](std::size_t i) { return !first || i % 2 == 0; });
    });
    bench.config.batch_records = 5;
    for (std::uint64_t lsn = 1; lsn <= 7; ++lsn)
        REQUIRE(bench.put(lsn, "d"));
    const SinkProgress progress = bench.until({7});
    CHECK(progress.safe == Lsn{7});
    CHECK(
        requests ==
        std::vector<std::vector<std::string>>{
            {"01", "02", "03", "04", "05"}, {"02", "04"}, {"06", "07"}
        }
    );
    CHECK(progress.sent_records == 9);
    REQUIRE(progress.trouble);
    CHECK(progress.trouble->kind == FailureClass::throttled);
}

TEST_CASE("dynamodb: no request has two items of one key", "[sinks][dynamodb]") {
    std::vector<std::size_t> sizes;
    bool twice = false;
    Bench bench([&](const FakeHttpRequest& request) {
        std::set<std::string> keys;
        const auto puts = puts_of(request.body);
        for (const Put& one : puts)
            twice |= !keys.insert(one.key).second;
        sizes.push_back(puts.size());
        return processed({}, {});
    });
    bench.config.sort_key = "";
    bench.config.batch_age = std::chrono::hours(1);
    std::uint64_t lsn = 0;
    for (const char* device : {"a", "b", "a", "c", "b", "b"}) {
        ++lsn;
        while (!bench.put(lsn, device))
            REQUIRE_FALSE(bench.sink().poll(10 * kMillisecond).failure);
    }
    CHECK(bench.until({6}).safe == Lsn{6});
    CHECK_FALSE(twice);
    CHECK(sizes == std::vector<std::size_t>{2, 3, 1});
}

TEST_CASE("dynamodb: answers are sorted into classes", "[sinks][dynamodb]") {
    const auto judged = [](int status, const std::string& type, const std::string& message) {
        HttpResponse response;
        response.status = status;
        response.body = error(status, "x#" + type, message).body;
        return judge_batch_write(response, 0);
    };
    const auto kind = [&](int status, const std::string& type, const std::string& message = "") {
        const WriteAnswer answer = judged(status, type, message);
        CHECK(answer.verdict == WriteVerdict::failed);
        return answer.failure.kind;
    };
    CHECK(kind(400, "ProvisionedThroughputExceededException") == FailureClass::throttled);
    CHECK(kind(400, "ResourceNotFoundException") == FailureClass::configuration);
    CHECK(kind(400, "ExpiredTokenException") == FailureClass::credentials);
    CHECK(kind(500, "InternalServerError") == FailureClass::transient);
    CHECK(
        kind(400, "ValidationException", "The provided key element does not match the schema") ==
        FailureClass::configuration
    );
    const auto verdict = [&](const std::string& message) {
        return judged(400, "ValidationException", message).verdict;
    };
    CHECK(verdict("Item size has exceeded the maximum allowed size") == WriteVerdict::bad_records);
    CHECK(verdict("Number overflow. Attempting to store") == WriteVerdict::bad_records);
    CHECK(judged(413, "", "").verdict == WriteVerdict::too_large);

    const std::vector<std::string_view> sent{R"({"PutRequest":{"Item":{"d":{"S":"a"}}}})"};
    const auto left = [&sent](const std::string& body) {
        return unprocessed(body, "t", "d", "", sent);
    };
    CHECK(left(R"({"UnprocessedItems":{}})").value().empty());
    CHECK(
        left(R"({"UnprocessedItems":{"t":[{"PutRequest":{"Item":{"d":{"S":"a"}}}}]}})").value() ==
        std::vector<std::size_t>{0}
    );
    for (const char* bad :
         {R"({"UnprocessedItems":{"t":[{"PutRequest":{"Item":{"d":{"S":"b"}}}}]}})",
          R"({"UnprocessedItems":{"u":[]}})",
          R"({"UnprocessedItems":{"t":[{}]}})",
          "{}",
          "<html>"})
        CHECK_FALSE(left(bad).ok());
}

TEST_CASE("dynamodb: settings that cannot be are refused", "[sinks][dynamodb][config]") {
    const auto problems = [](const std::string& more) {
        config::Problems found;
        static_cast<void>(config::read<DynamodbConfig>(
            "endpoint: https://example.org\ntable: tele\n" + more, "p.yaml", found
        ));
        return found.text();
    };
    CHECK(problems("").empty());
    CHECK(problems("sort_key: \"\"\nsort_value: time\n").empty());
    CHECK_FALSE(problems("partition_key: \"\"\n").empty());
    CHECK_FALSE(problems("sort_key: device\n").empty());
    CHECK_FALSE(problems("sort_key: " + std::string(256, 'x') + "\n").empty());
    CHECK_FALSE(problems("partition_value: \"{other}\"\n").empty());
    CHECK_FALSE(problems("format: raw\n").empty());
    CHECK_FALSE(problems("batch_records: 26\n").empty());
}

}  // namespace
}  // namespace penstock::sinks

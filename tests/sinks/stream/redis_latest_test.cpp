#include "sinks/stream/redis_latest.h"

#include "sinks/stream/redis_link.h"
#include "support/record_builder.h"
#include "support/shared_server.h"

#include <catch2/catch.hpp>

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

using test::RecordBuilder;
using test::Server;

constexpr Nanoseconds kNoon = 1'767'268'800 * kSecond;

Server* shared() {
    Server::Options options;
    options.ports = 2;
    return test::shared_server("redis", options);
}

RedisLatestConfig settings() {
    RedisLatestConfig config;
    config.write.connection.server = shared()->value("endpoint");
    config.write.connection.user = "penstock";
    config.write.connection.password = Secret(std::string("penstock-secret"));
    config.write.settle = Duration(0);
    return config;
}

RespReply ask(std::initializer_list<std::string_view> words) {
    RedisLink link(settings().write.connection, {}, system_clock());
    std::vector<RespReply> replies;
    std::string command;
    append_resp(words, command);
    while (!link.ready() && !link.failure())
        link.poll(100 * kMillisecond, 5 * kSecond, replies);
    link.send(command, 1);
    while (replies.empty() && !link.failure())
        link.poll(100 * kMillisecond, 5 * kSecond, replies);
    REQUIRE_FALSE(replies.empty());
    return std::move(replies.front());
}

std::map<std::string, std::string> hash(const std::string& key) {
    std::map<std::string, std::string> all;
    const RespReply reply = ask({"HGETALL", key});
    for (std::size_t i = 0; i + 1 < reply.items.size(); i += 2)
        all[reply.items[i].text] = reply.items[i + 1].text;
    all.erase("_penstock.order");
    return all;
}

/// A sink by hand.
class Bench {
public:
    explicit Bench(const RedisLatestConfig& config) {
        REQUIRE(ask({"FLUSHALL"}).text == "OK");
        SinkContext context;
        context.id = "state";
        context.journal = JournalId{{7}};
        sink_ = std::move(make_redis_latest_sink(config, context)).value();
        sink_->reset({});
    }
    void deliver(RecordBuilder& record) {
        const Lsn lsn{++last_};
        REQUIRE(sink_->put(lsn, record.view()));
        SinkProgress progress;
        for (int i = 0; i < 1000 && progress.safe < lsn && !progress.failure; ++i)
            progress = sink_->poll(20 * kMillisecond);
        INFO((progress.failure ? progress.failure->message : ""));
        REQUIRE(progress.safe == lsn);
    }
    void from(std::uint64_t lsn) {
        last_ = lsn - 1;
        sink_->reset({last_});
    }

private:
    std::unique_ptr<Sink> sink_;
    std::uint64_t last_ = 0;
};

RecordBuilder rate(const std::string& device, Nanoseconds at, const std::string& value) {
    RecordBuilder record;
    record.device(device).event_time(at).field("heartRate", value, FieldType::integer);
    return record;
}

TEST_CASE("redis latest: a hash holds the record's fields", "[sinks][redis][server]") {
    if (!shared()) return;
    Bench bench(settings());
    RecordBuilder record = rate("a/b", kNoon, "80");
    record.status("NORMAL").field("position.lat", "48.50", FieldType::number).score(0.25);
    bench.deliver(record);
    CHECK(
        hash("device:a%2Fb") ==
        std::map<std::string, std::string>{
            {"heartRate", "80"},
            {"position.lat", "48.50"},
            {"status", "NORMAL"},
            {"score", "0.25"},
            {"_penstock.journal", JournalId{{7}}.text()},
            {"_penstock.lsn", "1"},
            {"_penstock.stream", "wearables"},
            {"_penstock.device", "a/b"},
            {"_penstock.eventTime", "2026-01-01T12:00:00.000Z"},
        }
    );
}

TEST_CASE(
    "redis latest: the newest by event time stays, in whatever order", "[sinks][redis][server]"
) {
    if (!shared()) return;
    RedisLatestConfig config = settings();
    config.fields = {"heartRate", "note"};
    config.rename = {{"heartRate", "hr"}};
    Bench bench(config);
    RecordBuilder early = rate("d", kNoon, "1");
    early.field("note", "first", FieldType::string);
    RecordBuilder late = rate("d", kNoon + 1, "2");
    RecordBuilder before_1970 = rate("d", -5, "3");
    const auto newest = std::map<std::string, std::string>{{"hr", "2"}};
    bench.deliver(early);
    CHECK(hash("device:d") == std::map<std::string, std::string>{{"hr", "1"}, {"note", "first"}});
    bench.deliver(late);
    CHECK(hash("device:d") == newest);  // replaced as a whole
    bench.deliver(early);
    bench.deliver(before_1970);
    CHECK(hash("device:d") == newest);
    RecordBuilder again = rate("d", kNoon + 1, "4");  // equal times: the later record
    bench.deliver(again);
    CHECK(hash("device:d").at("hr") == "4");
}

TEST_CASE("redis latest: what is sent again changes nothing", "[sinks][redis][server]") {
    if (!shared()) return;
    Bench bench(settings());
    RecordBuilder one = rate("d", kNoon, "1");
    RecordBuilder two = rate("d", kNoon + kSecond, "2");
    bench.deliver(one);
    bench.deliver(two);
    const auto before = hash("device:d");
    bench.from(1);
    bench.deliver(one);
    CHECK(hash("device:d") == before);
    bench.deliver(two);
    CHECK(hash("device:d") == before);
}

TEST_CASE("redis latest: a hash expires, or does not", "[sinks][redis][server]") {
    if (!shared()) return;
    RedisLatestConfig config = settings();
    config.expire = std::chrono::minutes(1);
    RecordBuilder record = rate("d", kNoon, "1");
    Bench(config).deliver(record);
    const auto left = ask({"PTTL", "device:d"}).number;
    CHECK(left > 0);
    CHECK(left <= 60'000);
    config.expire = Duration(0);
    Bench(config).deliver(record);
    CHECK(ask({"PTTL", "device:d"}).number == -1);
}

TEST_CASE("redis latest: a server that forgot the script is told again", "[sinks][redis][server]") {
    if (!shared()) return;
    Bench bench(settings());
    RecordBuilder record = rate("d", kNoon, "1");
    bench.deliver(record);
    REQUIRE(ask({"SCRIPT", "FLUSH"}).text == "OK");
    bench.from(2);  // a new connection, as after any failure
    RecordBuilder next = rate("d", kNoon + 1, "2");
    bench.deliver(next);
    CHECK(hash("device:d").at("heartRate") == "2");
}

}  // namespace
}  // namespace penstock::sinks

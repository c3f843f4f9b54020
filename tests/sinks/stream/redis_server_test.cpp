#include "sinks/archive/archived.h"
#include "sinks/contract/contract.h"
#include "sinks/stream/redis_link.h"
#include "sinks/stream/redis_stream.h"
#include "support/record_builder.h"
#include "support/relay.h"
#include "support/shared_server.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

using contract::Arrival;
using contract::Fault;
using test::Relay;
using test::Server;

Server* shared(const std::string& fsync = "always") {
    Server::Options options;
    options.ports = 2;
    options.environment["REDIS_FSYNC"] = fsync;
    return test::shared_server("redis", options);
}

RedisServerConfig as_user(const std::string& server, const std::string& user) {
    RedisServerConfig config;
    config.server = server;
    config.user = user;
    config.password = Secret(user + "-secret");
    config.connect_timeout = std::chrono::seconds(2);
    config.reply_timeout = std::chrono::seconds(2);
    return config;
}

/// Looks into the server beside the sink.
class Admin {
public:
    explicit Admin(const Server& server) : server_(server) {}

    /// One command and its reply; nothing when the server does not answer.
    std::optional<RespReply> ask(std::initializer_list<std::string_view> words) {
        for (int tries = 0; tries < 3; ++tries) {
            if (!link_) {
                link_ = std::make_unique<RedisLink>(
                    as_user(server_.value("endpoint"), "admin"), std::string_view(), system_clock()
                );
            }
            if (auto reply = once(words)) return reply;
            link_.reset();
        }
        return std::nullopt;
    }
    struct Entry {
        std::string id;
        std::string data;
        std::string journal;
        std::string lsn;
    };
    /// The entries of a stream behind `after`.
    std::vector<Entry> read(const std::string& key, const std::string& after) {
        std::vector<Entry> all;
        const auto reply = ask({"XRANGE", key, after.empty() ? "-" : "(" + after, "+"});
        if (!reply) return all;
        for (const RespReply& item : reply->items) {
            const auto& fields = item.items.at(1).items;
            REQUIRE(fields.size() == 6);
            all.push_back({item.items[0].text, fields[1].text, fields[3].text, fields[5].text});
        }
        return all;
    }

private:
    std::optional<RespReply> once(std::initializer_list<std::string_view> words) {
        std::vector<RespReply> replies;
        std::string command;
        append_resp(words, command);
        const auto turn = [&] { link_->poll(100 * kMillisecond, 2 * kSecond, replies); };
        while (!link_->ready() && !link_->failure())
            turn();
        link_->send(command, 1);
        while (replies.empty() && !link_->failure())
            turn();
        if (replies.empty()) return std::nullopt;
        return std::move(replies.front());
    }

    const Server& server_;
    std::unique_ptr<RedisLink> link_;
};

std::string unique_key() {
    static std::atomic<int> number{0};
    return "k" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

RedisStreamConfig settings(std::uint16_t port, const std::string& key) {
    RedisStreamConfig config;
    config.write.connection = as_user("127.0.0.1:" + std::to_string(port), "penstock");
    config.key = key;
    config.write.batch_records = 50;
    config.write.record_max = ByteCount{10'000};
    config.write.settle = Duration(0);
    return config;
}

std::unique_ptr<Sink> made(const RedisStreamConfig& config, const JournalId& journal) {
    SinkContext context;
    context.id = "redis";
    context.journal = journal;
    return std::move(make_redis_stream_sink(config, context)).value();
}

/// A new stream of the real server, behind a relay.
class RealRedis final : public contract::FarSide {
public:
    explicit RealRedis(Server& server, Duration settle = Duration(0))
        : server_(server), settle_(settle) {}
    ~RealRedis() override { RealRedis::set(Fault::none); }

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        RedisStreamConfig config = settings(relay_.port(), key_);
        config.write.settle = settle_;
        return made(config, journal);
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        for (const auto& entry : admin_.read(key_, last_)) {
            arrived_.push_back(test::arrival_of(entry.data));
            last_ = entry.id;
        }
        return arrived_;
    }
    [[nodiscard]] std::string lacks(Fault fault) const override {
        return fault == Fault::half_accepted ? "a transaction is taken as a whole or not at all"
                                             : "";
    }
    [[nodiscard]] std::string lacks_refusal() const override { return "an entry holds any bytes"; }
    [[nodiscard]] std::string oversized_payload() override {
        return "{\"blob\":\"" + std::string(20'000, 'x') + "\"}";
    }
    [[nodiscard]] Nanoseconds patience() const override { return 60 * kSecond; }
    void set(Fault fault) override {
        relay_.set(
            fault == Fault::unreachable         ? Relay::Mode::refuse
            : fault == Fault::hang              ? Relay::Mode::swallow
            : fault == Fault::reset_after_write ? Relay::Mode::lose_answers
                                                : Relay::Mode::pass
        );
        if (fault == Fault::crash) {
            REQUIRE(server_.kill().ok());
            REQUIRE(server_.restart().ok());
        }
        const bool full = fault == Fault::throttled;
        const bool denied = fault == Fault::denied;
        REQUIRE(admin_.ask({"CONFIG", "SET", "maxmemory", full ? "1" : "0"}));
        REQUIRE(admin_.ask({"ACL", "SETUSER", "penstock", denied ? "off" : "on"}));
        if (denied) REQUIRE(admin_.ask({"CLIENT", "KILL", "USER", "penstock"}));
    }

private:
    Server& server_;
    const Duration settle_;
    Relay relay_{server_.port()};
    Admin admin_{server_};
    const std::string key_ = unique_key();
    std::string last_;
    std::vector<Arrival> arrived_;
};

PS_SINK_CONTRACT(
    "redis stream, real server",
    "[sinks][redis][server]",
    []() -> std::unique_ptr<contract::FarSide> {
        if (!shared()) return nullptr;
        return std::make_unique<RealRedis>(*shared());
    }
)

TEST_CASE(
    "redis stream: what had not settled when the server died is sent again",
    "[sinks][redis][server][S13]"
) {
    Server* const server = shared("everysec");
    if (server == nullptr) return;
    contract::survives_far_crash([server] {
        return std::make_unique<RealRedis>(*server, RedisWriteConfig{}.settle);
    });
}

/// Until `lsn` is safe, or there is a failure; for 20 s at most.
SinkProgress until(Sink& sink, Lsn lsn) {
    SinkProgress progress;
    const Nanoseconds end = system_clock().monotonic() + 20 * kSecond;
    while (progress.safe < lsn && !progress.failure && system_clock().monotonic() < end) {
        progress = sink.poll(20 * kMillisecond);
        if (progress.quiet_for > 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return progress;
}

void put(Sink& sink, std::uint64_t lsn, const std::string& device, const std::string& payload) {
    test::RecordBuilder record;
    record.device(device).payload(payload);
    REQUIRE(sink.put({lsn}, record.view()));
}

TEST_CASE(
    "redis stream: key, message and identity are what was asked for", "[sinks][redis][server]"
) {
    if (!shared()) return;
    const std::string key = unique_key();
    RedisStreamConfig config = settings(shared()->port(), key + ":{device}");
    config.output.format = OutputForm::raw;
    const JournalId journal{{1, 2, 3}};
    auto sink = made(config, journal);
    sink->reset({});
    put(*sink, 7, "a/b\r\n", "{\"n\": 1}");
    CHECK(until(*sink, {7}).safe == Lsn{7});
    Admin admin(*shared());
    const auto entries = admin.read(key + ":a%2Fb%0D%0A", "");
    REQUIRE(entries.size() == 1);
    CHECK(entries[0].data == "{\"n\": 1}");
    CHECK(entries[0].journal == journal.text());
    CHECK(entries[0].lsn == "7");
}

TEST_CASE("redis stream: a stream is cut to about its length", "[sinks][redis][server]") {
    if (!shared()) return;
    const std::string key = unique_key();
    RedisStreamConfig config = settings(shared()->port(), key);
    config.write.batch_records = 10'000;
    config.write.batch_size = 16_MiB;
    config.max_length = 100;
    auto sink = made(config, {});
    sink->reset({});
    for (std::uint64_t lsn = 1; lsn <= 3000; ++lsn)
        put(*sink, lsn, "d", "{}");
    CHECK(until(*sink, {3000}).safe == Lsn{3000});
    Admin admin(*shared());
    const auto length = admin.ask({"XLEN", key});
    REQUIRE(length);
    CHECK(length->number >= 100);
    CHECK(length->number < 1000);
}

TEST_CASE(
    "redis stream: a key of another type is a matter of the settings", "[sinks][redis][server]"
) {
    if (!shared()) return;
    const std::string key = unique_key();
    Admin admin(*shared());
    REQUIRE(admin.ask({"SET", key, "text"}));
    auto sink = made(settings(shared()->port(), key), {});
    sink->reset({});
    put(*sink, 1, "d", "{}");
    const SinkProgress progress = until(*sink, {1});
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::configuration);
    CHECK_THAT(progress.failure->message, Catch::Contains("WRONGTYPE"));
}

TEST_CASE(
    "redis stream: a server that falls silent while confirmations settle has lost contact",
    "[sinks][redis][server]"
) {
    if (!shared()) return;
    Relay relay(shared()->port());
    RedisStreamConfig config = settings(relay.port(), unique_key());
    config.write.settle = std::chrono::seconds(1);
    config.write.connection.reply_timeout = std::chrono::minutes(1);
    auto sink = made(config, {});
    sink->reset({});
    put(*sink, 1, "d", "{}");
    REQUIRE(until(*sink, {1}).safe == Lsn{1});
    relay.set(Relay::Mode::swallow);
    const SinkProgress progress = until(*sink, {2});
    REQUIRE(progress.failure);
    CHECK(progress.failure->lost_contact);
}

TEST_CASE(
    "redis stream: a probe tells who may come in, over TLS too", "[sinks][redis][server][tls]"
) {
    if (!shared()) return;
    const Server& server = *shared();
    RedisStreamConfig config = settings(server.port(), unique_key());
    CHECK(made(config, {})->probe(5 * kSecond).ok());
    config.write.connection.use_tls = true;
    config.write.connection.server = server.value("tls_endpoint");
    config.write.connection.tls.ca = server.value("ca");
    auto sink = made(config, {});
    CHECK(sink->probe(5 * kSecond).ok());
    sink->reset({});
    put(*sink, 1, "d", "{}");
    CHECK(until(*sink, {1}).safe == Lsn{1});
    config.write.connection.tls.ca.clear();  // the system's: none of them signed the test server
    const Status untrusted = made(config, {})->probe(5 * kSecond);
    REQUIRE_FALSE(untrusted.ok());
    CHECK_THAT(untrusted.error().message, Catch::Contains("certificate"));
    config = settings(server.port(), unique_key());
    config.write.connection.password = Secret(std::string("wrong"));
    CHECK(made(config, {})->probe(5 * kSecond).error().code == Errc::denied);
    config.write.connection.server = "127.0.0.1:1";
    CHECK(made(config, {})->probe(5 * kSecond).error().code == Errc::unavailable);
}

}  // namespace
}  // namespace penstock::sinks

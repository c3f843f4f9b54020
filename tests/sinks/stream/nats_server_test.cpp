#include "sinks/archive/archived.h"
#include "sinks/contract/contract.h"
#include "sinks/contract/rig.h"
#include "sinks/stream/nats.h"
#include "support/record_builder.h"
#include "support/relay.h"
#include "support/shared_server.h"

#include <catch2/catch.hpp>
#include <nats/nats.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

using contract::Arrival;
using contract::Fault;
using contract::Rig;
using test::Relay;
using test::Server;

Server* shared(bool tls = false) {
    Server::Options options;
    options.ports = 2;
    options.environment["NATS_AUTH"] = "1";
    if (tls) options.environment["NATS_TLS"] = "1";
    return test::shared_server("nats", options);
}

/// Looks into the server beside the sink: makes streams, reads them.
class Admin {
public:
    explicit Admin(const Server& server) {
        natsOptions* options = nullptr;
        REQUIRE(natsOptions_Create(&options) == NATS_OK);
        natsOptions_SetURL(options, ("nats://" + server.value("endpoint")).c_str());
        natsOptions_SetUserInfo(options, "admin", "admin-secret");
        natsOptions_SetMaxReconnect(options, -1);
        natsOptions_SetReconnectWait(options, 50);
        REQUIRE(natsConnection_Connect(&connection_, options) == NATS_OK);
        natsOptions_Destroy(options);
        jsOptions wanted;
        jsOptions_Init(&wanted);
        wanted.Wait = 2000;
        REQUIRE(natsConnection_JetStream(&js_, connection_, &wanted) == NATS_OK);
    }
    ~Admin() {
        jsCtx_Destroy(js_);
        natsConnection_Destroy(connection_);
    }
    Admin(const Admin&) = delete;
    Admin& operator=(const Admin&) = delete;

    /// A stream of messages up to 10,000 bytes; `max` messages at most, -1: no bound.
    bool set_stream(const std::string& name, const std::string& subject, std::int64_t max) {
        const char* subjects = subject.c_str();
        jsStreamConfig config;
        jsStreamConfig_Init(&config);
        config.Name = name.c_str();
        config.Subjects = &subjects;
        config.SubjectsLen = 1;
        config.MaxMsgSize = 10'000;
        config.MaxMsgs = max;
        config.Discard = js_DiscardNew;
        jsErrCode code{};
        return js_UpdateStream(nullptr, js_, &config, nullptr, &code) == NATS_OK ||
               js_AddStream(nullptr, js_, &config, nullptr, &code) == NATS_OK;
    }
    /// Sequence of the last message; 0 when the server does not answer.
    [[nodiscard]] std::uint64_t last(const std::string& stream) {
        jsStreamInfo* info = nullptr;
        if (js_GetStreamInfo(&info, js_, stream.c_str(), nullptr, nullptr) != NATS_OK) return 0;
        const std::uint64_t sequence = info->State.LastSeq;
        jsStreamInfo_Destroy(info);
        return sequence;
    }
    struct Message {
        std::string subject;
        std::string id;
        std::string value;
    };
    /// The messages behind `after`, as far as the server answers.
    [[nodiscard]] std::vector<Message> read(const std::string& stream, std::uint64_t after) {
        std::vector<Message> all;
        const std::uint64_t end = last(stream);
        for (std::uint64_t sequence = after + 1; sequence <= end; ++sequence) {
            natsMsg* found = nullptr;
            if (js_GetMsg(&found, js_, stream.c_str(), sequence, nullptr, nullptr) != NATS_OK)
                break;
            const char* id = nullptr;
            natsMsgHeader_Get(found, "Nats-Msg-Id", &id);
            all.push_back(
                {natsMsg_GetSubject(found),
                 id == nullptr ? "" : id,
                 std::string(
                     natsMsg_GetData(found), static_cast<std::size_t>(natsMsg_GetDataLength(found))
                 )}
            );
            natsMsg_Destroy(found);
        }
        return all;
    }
    [[nodiscard]] static bool lets_in(const Server& server, const char* password) {
        natsOptions* options = nullptr;
        natsOptions_Create(&options);
        natsOptions_SetURL(options, ("nats://" + server.value("endpoint")).c_str());
        natsOptions_SetUserInfo(options, "penstock", password);
        natsConnection* connection = nullptr;
        const bool in = natsConnection_Connect(&connection, options) == NATS_OK;
        natsConnection_Destroy(connection);
        natsOptions_Destroy(options);
        return in;
    }

private:
    natsConnection* connection_ = nullptr;
    jsCtx* js_ = nullptr;
};

NatsConfig settings(std::uint16_t port, const std::string& stream) {
    NatsConfig config;
    config.servers = {"nats://127.0.0.1:" + std::to_string(port)};
    config.stream = stream;
    config.subject = stream + ".{stream}.{device}";
    config.exclusive = true;
    config.max_in_flight = 50;
    config.user = "penstock";
    config.password = Secret(std::string("penstock-secret"));
    config.connect_timeout = std::chrono::seconds(2);
    config.ack_timeout = std::chrono::seconds(2);
    return config;
}

std::string unique_stream() {
    static std::atomic<int> number{0};
    return "s" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

std::unique_ptr<Sink> made(const NatsConfig& config, const JournalId& journal) {
    SinkContext context;
    context.id = "nats";
    context.journal = journal;
    return std::move(make_nats_sink(config, context)).value();
}

/// A new stream of the real server, behind a relay.
class RealStream final : public contract::FarSide {
public:
    RealStream() { REQUIRE(admin_.set_stream(stream_, stream_ + ".>", -1)); }
    ~RealStream() override { RealStream::set(Fault::none); }

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        return made(settings(relay_.port(), stream_), journal);
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        for (const auto& message : admin_.read(stream_, read_)) {
            arrived_.push_back(test::arrival_of(message.value));
            ++read_;
        }
        return arrived_;
    }
    [[nodiscard]] std::string lacks(Fault) const override { return {}; }
    [[nodiscard]] std::string lacks_refusal() const override {
        return "a stream refuses nothing of a record but its size";
    }
    [[nodiscard]] std::string oversized_payload() override {
        return "{\"blob\":\"" + std::string(20'000, 'x') + "\"}";
    }
    [[nodiscard]] Nanoseconds patience() const override { return 60 * kSecond; }
    void set(Fault fault) override {
        if (room_.joinable()) room_.join();
        const bool refuse = fault == Fault::unreachable;
        relay_.set(
            refuse                              ? Relay::Mode::refuse
            : fault == Fault::hang              ? Relay::Mode::swallow
            : fault == Fault::reset_after_write ? Relay::Mode::lose_answers
                                                : Relay::Mode::pass
        );
        if (fault == Fault::crash) {
            REQUIRE(server_.kill().ok());
            REQUIRE(server_.restart().ok());
        }
        if (denied_ != (fault == Fault::denied)) deny(fault == Fault::denied);
        const auto there = static_cast<std::int64_t>(admin_.last(stream_));
        if (fault == Fault::throttled) bound(there);
        if (fault == Fault::half_accepted) {
            bound(there + 25);
            room_ = std::thread([this] {
                std::this_thread::sleep_for(std::chrono::milliseconds(700));
                static_cast<void>(admin_.set_stream(stream_, stream_ + ".>", -1));
            });
        }
        if (fault == Fault::none && bounded_) bound(-1);
    }

private:
    void bound(std::int64_t messages) {
        bounded_ = messages >= 0;
        REQUIRE(admin_.set_stream(stream_, stream_ + ".>", messages));
    }
    /// The server reads its settings again, with another password for the sink's user.
    void deny(bool denied) {
        denied_ = denied;
        const std::string path = server_.folder() + "/nats.conf";
        std::ifstream file(path);
        std::string text(std::istreambuf_iterator<char>(file), {});
        const std::string now = denied ? "penstock-secret" : "another-secret";
        const std::string then = denied ? "another-secret" : "penstock-secret";
        text.replace(text.find(now), now.size(), then);
        std::ofstream(path) << text;
        REQUIRE(::kill(std::stoi(server_.value("pid")), SIGHUP) == 0);
        while (Admin::lets_in(server_, "penstock-secret") == denied)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }

    Server& server_ = *shared();
    Relay relay_{server_.port()};
    Admin admin_{server_};
    const std::string stream_ = unique_stream();
    std::vector<Arrival> arrived_;
    std::uint64_t read_ = 0;
    bool bounded_ = false;
    std::thread room_;  // makes room in the stream after a while
    bool denied_ = false;
};

std::unique_ptr<contract::FarSide> far_side() {
    if (!shared()) return nullptr;
    return std::make_unique<RealStream>();
}

PS_SINK_CONTRACT("nats, real server", "[sinks][nats][server]", far_side)

/// Until all of them are confirmed, or there is a failure.
SinkProgress deliver(Sink& sink, std::vector<test::RecordBuilder>& records) {
    SinkProgress all;
    sink.reset({});
    const auto poll = [&] {
        SinkProgress progress = sink.poll(20 * kMillisecond);
        all.safe = progress.safe;
        for (auto& refused : progress.refused)
            all.refused.push_back(std::move(refused));
        if (progress.failure) all.failure = std::move(progress.failure);
    };
    Lsn lsn;
    for (test::RecordBuilder& record : records) {
        lsn = lsn.next();
        for (int i = 0; i < 1000 && !all.failure && !sink.put(lsn, record.view()); ++i)
            poll();
    }
    for (int i = 0; i < 1000 && all.safe < lsn && !all.failure; ++i)
        poll();
    return all;
}

std::vector<test::RecordBuilder> some(std::size_t count) {
    std::vector<test::RecordBuilder> records(count);
    for (std::size_t i = 0; i < count; ++i)
        records[i].device("a.b *").payload("{\"n\":" + std::to_string(i) + "}");
    return records;
}

TEST_CASE("nats: subject, message id and value are what was asked for", "[sinks][nats][server]") {
    if (!shared()) return;
    Admin admin(*shared());
    NatsConfig config = settings(shared()->port(), unique_stream());
    config.create_stream = true;
    config.output.format = OutputForm::raw;
    const JournalId journal{{1, 2, 3}};
    auto sink = made(config, journal);
    auto records = some(3);
    CHECK(deliver(*sink, records).safe == Lsn{3});
    const auto messages = admin.read(config.stream, 0);
    REQUIRE(messages.size() == 3);
    CHECK(messages[2].subject == config.stream + ".wearables.a%2Eb%20%2A");
    CHECK(messages[2].id == journal.text() + "-3");
    CHECK(messages[2].value == "{\"n\":2}");
    // Sent again, stored once.
    CHECK(deliver(*sink, records).safe == Lsn{3});
    CHECK(admin.last(config.stream) == 3);
}

TEST_CASE("nats: a stream that is missing is a matter of the settings", "[sinks][nats][server]") {
    if (!shared()) return;
    auto sink = made(settings(shared()->port(), unique_stream()), {});
    auto records = some(1);
    const SinkProgress progress = deliver(*sink, records);
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::configuration);
    CHECK_THAT(progress.failure->message, Catch::Contains("there is no stream"));
    const Status probed = sink->probe(2 * kSecond);
    REQUIRE_FALSE(probed.ok());
    CHECK_THAT(probed.error().message, Catch::Contains("there is no stream"));
}

TEST_CASE("nats: a probe tells who may come in", "[sinks][nats][server]") {
    if (!shared()) return;
    NatsConfig config = settings(shared()->port(), unique_stream());
    config.create_stream = true;
    CHECK(made(config, {})->probe(5 * kSecond).ok());
    config.password = Secret(std::string("wrong"));
    const Status wrong = made(config, {})->probe(5 * kSecond);
    REQUIRE_FALSE(wrong.ok());
    CHECK(wrong.error().code == Errc::denied);
    config.servers = {"nats://127.0.0.1:1"};
    const Status nobody = made(config, {})->probe(5 * kSecond);
    REQUIRE_FALSE(nobody.ok());
    CHECK(nobody.error().code == Errc::unavailable);
}

TEST_CASE("nats: TLS delivers, and trusts only whom it was told to", "[sinks][nats][server][tls]") {
    Server* const server = shared(true);
    if (server == nullptr) return;
    NatsConfig config = settings(server->port(), unique_stream());
    config.create_stream = true;
    config.use_tls = true;
    config.tls.ca = server->value("ca");
    auto sink = made(config, {});
    auto records = some(20);
    CHECK(deliver(*sink, records).safe == Lsn{20});
    config.tls.ca.clear();  // the system's: none of them signed the test server
    const SinkProgress progress = deliver(*made(config, {}), records);
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::credentials);
}

}  // namespace
}  // namespace penstock::sinks

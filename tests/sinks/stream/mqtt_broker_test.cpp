#include "base/mqtt/decode.h"
#include "ingest/mqtt/wire.h"
#include "sinks/archive/archived.h"
#include "sinks/contract/contract.h"
#include "sinks/stream/mqtt.h"
#include "sinks/transport/byte_stream.h"
#include "sinks/transport/host_port.h"
#include "support/record_builder.h"
#include "support/relay.h"
#include "support/shared_server.h"
#include "support/shell.h"

#include <catch2/catch.hpp>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

using contract::Arrival;
using contract::Fault;
using mqtt::Version;
using test::Relay;
using test::Server;

Server* shared() {
    Server::Options options;
    options.ports = 4;
    return test::shared_server("mosquitto", options);
}

std::string unique_topic() {
    static std::atomic<int> number{0};
    return "t" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

MqttConfig settings(const std::string& server, const std::string& topic) {
    MqttConfig config;
    config.server = server;
    config.topic = topic;
    config.user = "penstock";
    config.password = Secret(std::string("penstock-secret"));
    config.max_in_flight = 50;
    config.connect_timeout = std::chrono::seconds(2);
    config.ack_timeout = std::chrono::seconds(2);
    return config;
}

std::unique_ptr<Sink> made(const MqttConfig& config, const JournalId& journal = {}) {
    SinkContext context;
    context.id = "bridge";
    context.journal = journal;
    return std::move(make_mqtt_sink(config, context)).value();
}

/// Another client, which reads what the broker forwards. With QoS 0: the broker then writes to it
/// before it confirms to the sink.
class Subscriber {
public:
    Subscriber(const Server& server, std::string topic)
        : server_(server), filter_(std::move(topic) + "/#") {
        subscribe();
    }

    /// Subscribes again at a server that has restarted.
    void subscribe() {
        const auto address = HostPort::parse(server_.value("endpoint"), 0);
        ByteStreamConfig config;
        config.host = address->host;
        config.port = address->port;
        stream_ = std::make_unique<ByteStream>(config);
        in_.clear();
        wire::Connect hello;
        hello.id = "reader-" + unique_topic();
        hello.user = "admin";
        hello.password = "admin-secret";
        stream_->send(wire::connect(hello) + wire::subscribe(1, filter_));
        await(mqtt::PacketType::suback);
    }
    /// What a server that has died had forwarded.
    void read_rest() {
        while (stream_->state() != ByteStream::State::over)
            stream_->poll(100 * kMillisecond, in_);
        REQUIRE(take() == mqtt::PacketType::reserved);
    }
    /// All that has been forwarded by now: what stands before the answer to a PINGREQ.
    const std::vector<std::string>& read() {
        stream_->send(wire::pingreq());
        await(mqtt::PacketType::pingresp);
        return payloads_;
    }

private:
    void await(mqtt::PacketType wanted) {
        const Nanoseconds end = system_clock().monotonic() + 20 * kSecond;
        while (take() != wanted) {
            REQUIRE(system_clock().monotonic() < end);
            REQUIRE(stream_->state() != ByteStream::State::over);
            stream_->poll(100 * kMillisecond, in_);
        }
    }
    /// Takes packets up to one that is no message; `reserved` when there is none.
    mqtt::PacketType take() {
        mqtt::Frame frame;
        std::size_t need = 0;
        while (mqtt::next_frame(std::as_bytes(std::span(in_)), 1 << 20, frame, need) ==
               mqtt::Framing::whole) {
            const mqtt::PacketType type = frame.type();
            if (type == mqtt::PacketType::publish) {
                mqtt::Publish packet;
                REQUIRE(
                    mqtt::decode_publish(frame, Version::v311, 0, packet) == mqtt::Reason::success
                );
                payloads_.emplace_back(packet.payload);
            }
            in_.erase(0, frame.size);
            if (type != mqtt::PacketType::publish) return type;
        }
        return mqtt::PacketType::reserved;
    }

    const Server& server_;
    const std::string filter_;
    std::unique_ptr<ByteStream> stream_;
    std::string in_;
    std::vector<std::string> payloads_;
};

/// A topic of the real broker, behind a relay.
class RealBroker final : public contract::FarSide {
public:
    RealBroker(Server& server, Version version) : server_(server), version_(version) {}
    ~RealBroker() override { RealBroker::set(Fault::none); }

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        MqttConfig config =
            settings("127.0.0.1:" + std::to_string(relay_.port()), topic_ + "/{device}");
        config.version = version_;
        if (version_ != Version::v5) config.record_max = ByteCount{12'000};
        return made(config, journal);
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        const auto& all = reader_.read();
        for (std::size_t i = arrived_.size(); i < all.size(); ++i)
            arrived_.push_back(test::arrival_of(all[i]));
        return arrived_;
    }
    [[nodiscard]] std::string lacks(Fault fault) const override {
        const bool can = fault != Fault::half_accepted && fault != Fault::throttled;
        return can ? "" : "Mosquitto has no quota for publishers; the fake broker shows it";
    }
    [[nodiscard]] std::string lacks_refusal() const override {
        return version_ == Version::v5 ? "" : "a broker of MQTT 3.1.1 has no word for it";
    }
    [[nodiscard]] std::string refused_payload() override { return blob(20'000); }
    [[nodiscard]] std::string oversized_payload() override { return blob(40'000); }
    [[nodiscard]] Nanoseconds patience() const override { return 60 * kSecond; }
    void set(Fault fault) override {
        if (fault == Fault::crash) {
            relay_.set(Relay::Mode::refuse);
            REQUIRE(server_.kill().ok());
            reader_.read_rest();
            REQUIRE(server_.restart().ok());
            reader_.subscribe();
        }
        relay_.set(
            fault == Fault::unreachable         ? Relay::Mode::refuse
            : fault == Fault::hang              ? Relay::Mode::swallow
            : fault == Fault::reset_after_write ? Relay::Mode::lose_answers
                                                : Relay::Mode::pass
        );
        admit(fault != Fault::denied);
    }

private:
    static std::string blob(std::size_t size) {
        return "{\"blob\":\"" + std::string(size, 'x') + "\"}";
    }
    void admit(bool yes) {
        if (std::exchange(admitted_, yes) == yes) return;
        const std::filesystem::path folder(server_.folder());
        std::filesystem::copy_file(
            folder / (yes ? "passwd.open" : "passwd.closed"),
            folder / "passwd",
            std::filesystem::copy_options::overwrite_existing
        );
        REQUIRE(::kill(std::stoi(server_.value("pid")), SIGHUP) == 0);
    }

    Server& server_;
    const Version version_;
    const std::string topic_ = unique_topic();
    Relay relay_{server_.port()};
    Subscriber reader_{server_, topic_};
    std::vector<Arrival> arrived_;
    bool admitted_ = true;
};

PS_SINK_CONTRACT(
    "mqtt, Mosquitto",
    "[sinks][mqtt][server]",
    []() -> std::unique_ptr<contract::FarSide> {
        if (!shared()) return nullptr;
        return std::make_unique<RealBroker>(*shared(), Version::v5);
    }
)

TEST_CASE("mqtt 3.1.1, Mosquitto: keeps the contract", "[sinks][mqtt][server][contract]") {
    if (!shared()) return;
    contract::keeps_all([] { return std::make_unique<RealBroker>(*shared(), Version::v311); });
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

/// What became of one record.
SinkProgress deliver(
    Sink& sink, std::uint64_t lsn, const std::string& device, const std::string& payload
) {
    test::RecordBuilder record;
    record.device(device).payload(payload);
    SinkProgress progress;
    const Nanoseconds end = system_clock().monotonic() + 20 * kSecond;
    while (!sink.put({lsn}, record.view())) {
        progress = sink.poll(20 * kMillisecond);
        if (progress.failure) return progress;
        REQUIRE(system_clock().monotonic() < end);
    }
    return until(sink, {lsn});
}

TEST_CASE("mqtt: topic, message and identity are what was asked for", "[sinks][mqtt][server]") {
    if (!shared()) return;
    const std::string topic = unique_topic();
    MqttConfig config = settings(shared()->value("endpoint"), topic + "/{device}/x");
    config.output.format = OutputForm::raw;
    config.retain = true;
    const JournalId journal{{1, 2, 3}};
    const auto sink = made(config, journal);
    sink->reset({});
    CHECK(deliver(*sink, 7, "a/b+#", "{\"n\": 1}").safe == Lsn{7});
    const auto told = test::shell(
        "mosquitto_sub -V mqttv5 -p " + std::to_string(shared()->port()) +
        " -u admin -P admin-secret -C 1 -W 20 -t '" + topic + "/#' -F '%t|%q|%r|%P|%p'"
    );
    CHECK(
        told.text == topic + "/a%2Fb%2B%23/x|0|1|penstock.journal:" + journal.text() +
                         " penstock.lsn:7|{\"n\": 1}\n"
    );
}

TEST_CASE("mqtt: a topic that is closed to us is an alarm", "[sinks][mqtt][server]") {
    if (!shared()) return;
    const auto sink = made(settings(shared()->value("endpoint"), "closed/{device}"));
    sink->reset({});
    const SinkProgress progress = deliver(*sink, 1, "d", "{}");
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::credentials);
    CHECK_THAT(progress.failure->message, Catch::Contains("not_authorized (0x87)"));
    CHECK(progress.safe == Lsn{});
}

TEST_CASE("mqtt: a broker of QoS 0 only is a matter of the settings", "[sinks][mqtt][server]") {
    if (!shared()) return;
    const Status reached =
        made(settings(shared()->value("qos0_endpoint"), "t/{device}"))->probe(5 * kSecond);
    REQUIRE_FALSE(reached.ok());
    CHECK_THAT(reached.error().message, Catch::Contains("QoS 0"));
}

TEST_CASE(
    "mqtt: a broker that falls silent while confirmations settle has lost contact",
    "[sinks][mqtt][server]"
) {
    if (!shared()) return;
    Relay relay(shared()->port());
    MqttConfig config = settings("127.0.0.1:" + std::to_string(relay.port()), unique_topic());
    config.settle = std::chrono::seconds(1);
    config.ack_timeout = std::chrono::minutes(1);
    const auto sink = made(config);
    sink->reset({});
    REQUIRE(deliver(*sink, 1, "d", "{}").safe == Lsn{1});
    relay.set(Relay::Mode::swallow);
    const SinkProgress progress = until(*sink, {2});
    REQUIRE(progress.failure);
    CHECK(progress.failure->lost_contact);
}

TEST_CASE(
    "mqtt: a probe tells who may come in, over TLS and with a certificate too",
    "[sinks][mqtt][server][tls]"
) {
    if (!shared()) return;
    const Server& server = *shared();
    MqttConfig config = settings(server.value("endpoint"), unique_topic());
    CHECK(made(config)->probe(5 * kSecond).ok());
    config.use_tls = true;
    config.tls.ca = server.value("ca");
    config.server = server.value("tls_endpoint");
    const auto sink = made(config);
    CHECK(sink->probe(5 * kSecond).ok());
    sink->reset({});
    CHECK(deliver(*sink, 1, "d", "{}").safe == Lsn{1});
    config.server = server.value("mutual_endpoint");
    CHECK_FALSE(made(config)->probe(5 * kSecond).ok());
    config.tls.certificate = server.value("certificate");
    config.tls.key = server.value("key");
    CHECK(made(config)->probe(5 * kSecond).ok());
    config.tls.ca.clear();  // the system's: none of them signed the test server
    const Status untrusted = made(config)->probe(5 * kSecond);
    REQUIRE_FALSE(untrusted.ok());
    CHECK_THAT(untrusted.error().message, Catch::Contains("certificate"));
    for (const Version version : {Version::v5, Version::v311}) {
        MqttConfig wrong = settings(server.value("endpoint"), unique_topic());
        wrong.version = version;
        wrong.password = Secret(std::string("wrong"));
        CHECK(made(wrong)->probe(5 * kSecond).error().code == Errc::denied);
    }
    config = settings("127.0.0.1:1", unique_topic());
    CHECK(made(config)->probe(5 * kSecond).error().code == Errc::unavailable);
}

}  // namespace
}  // namespace penstock::sinks

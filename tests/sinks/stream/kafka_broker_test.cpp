#include "sinks/contract/rig.h"
#include "sinks/stream/kafka.h"
#include "sinks/stream/kafka_far_side.h"
#include "support/shared_server.h"

#include <catch2/catch.hpp>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <optional>
#include <stdexcept>

namespace penstock::sinks {
namespace {

using contract::Fault;
using contract::Rig;

test::Server* broker() {
    test::Server::Options options;
    options.environment["KAFKA_ACL"] = "1";
    return test::shared_server("kafka", options);
}

/// A new topic of the real broker.
class BrokerFarSide final : public contract::KafkaFarSide {
public:
    BrokerFarSide() {
        static std::atomic<int> number{0};
        topic_ = "t" + std::to_string(::getpid()) + "-" + std::to_string(++number);
        const std::string endpoint = broker()->value("endpoint");
        contract::kafka_create_topic(endpoint, topic_, 3, {{"max.message.bytes", "10000"}});
        use(endpoint, topic_);
        config.record_max = ByteCount{200'000};
        config.compression = KafkaCompression::none;
    }

    [[nodiscard]] std::string lacks(Fault fault) const override {
        if (fault == Fault::throttled) return "a broker delays its answers, it refuses nothing";
        if (fault == Fault::half_accepted || fault == Fault::reset_after_write) {
            return "a broker does not fail on demand; the library's stand-in shows it";
        }
        return {};
    }
    [[nodiscard]] std::string lacks_refusal() const override {
        return "a broker refuses nothing of a record but its size";
    }
    void set(Fault fault) override {
        test::Server& server = *broker();
        if (down_) REQUIRE(server.restart().ok());
        if (hung_) ::kill(std::stoi(server.value("pid")), SIGCONT);
        if (denied_) allow_alice();
        down_ = hung_ = denied_ = false;
        if (fault == Fault::unreachable) down_ = server.kill().ok();
        if (fault == Fault::crash) {
            REQUIRE(server.kill().ok());
            REQUIRE(server.restart().ok());
        }
        if (fault == Fault::hang) hung_ = ::kill(std::stoi(server.value("pid")), SIGSTOP) == 0;
        if (fault == Fault::denied) {
            denied_ = true;
            config.brokers = {server.value("sasl_ssl")};
            config.security = login("alice-secret");
        }
    }
    /// Smaller than the sink's own limit: only the broker finds it too large.
    [[nodiscard]] std::string oversized_payload() override {
        return "{\"blob\":\"" + std::string(20'000, 'x') + "\"}";
    }
    [[nodiscard]] Nanoseconds patience() const override { return 60 * kSecond; }

    void allow_alice() const {
        contract::kafka_allow(broker()->value("endpoint"), "User:alice", topic_);
    }
    [[nodiscard]] static KafkaSecurityConfig login(const std::string& password) {
        KafkaSecurityConfig security;
        security.protocol = KafkaProtocol::sasl_tls;
        security.sasl.user = "alice";
        security.sasl.password = Secret(std::string(password));
        security.tls.ca = broker()->value("ca");
        return security;
    }
    ~BrokerFarSide() override {
        if (hung_ || down_) set(Fault::none);
    }

private:
    std::string topic_;
    bool down_ = false;
    bool hung_ = false;
    bool denied_ = false;
};

std::unique_ptr<BrokerFarSide> far_side() {
    return broker() ? std::make_unique<BrokerFarSide>() : nullptr;
}

TEST_CASE(
    "kafka, real broker: keeps the contract of every sink", "[sinks][kafka][server][contract]"
) {
    contract::keeps_all(far_side);
}

TEST_CASE("kafka, real broker: what it adds to the contract", "[sinks][kafka][server]") {
    const auto far = far_side();
    if (!far) return;
    Rig rig(*far);

    SECTION("three kills under load lose nothing and keep the order of each device") {
        far->config.max_in_flight = 2000;
        for (int kill = 0; kill < 3; ++kill) {
            rig.append(3000, 20);
            static_cast<void>(rig.run_until([&rig, kill] {
                return rig.disk.cursor > Lsn{static_cast<std::uint64_t>(kill) * 3000 + 500};
            }));
            far->set(Fault::unreachable);
            static_cast<void>(rig.run_until([] { return false; }, kSecond));
            far->set(Fault::none);
        }
        REQUIRE(rig.drain());
        rig.check_all_arrived();
        rig.check_order();
    }
    SECTION("a wrong password is an alarm, and the right one delivers") {
        far->config.brokers = {broker()->value("sasl_ssl")};
        far->config.security = BrokerFarSide::login("wrong");
        rig.append(20);
        rig.start();
        REQUIRE(rig.run_until([&rig] { return rig.health().state == SinkState::alarm; }));
        CHECK(
            rig.metrics.value(
                "penstock_sink_errors_total", {{"sink", "under_test"}, {"class", "credentials"}}
            ) > 0
        );
        far->allow_alice();
        far->config.security = BrokerFarSide::login("alice-secret");
        rig.start();
        REQUIRE(rig.drain());
        rig.check_all_arrived();
    }
    SECTION("a client certificate logs in, and a missing one does not") {
        const std::string folder = broker()->value("ca");
        const std::string tls = folder.substr(0, folder.rfind('/'));
        far->config.brokers = {broker()->value("ssl")};
        far->config.security.protocol = KafkaProtocol::tls;
        far->config.security.tls.ca = tls + "/ca.pem";
        CHECK_FALSE(far->make_sink({})->probe(3 * kSecond).ok());
        far->config.security.tls.certificate = tls + "/client.pem";
        far->config.security.tls.key = tls + "/client.key";
        CHECK(far->make_sink({})->probe(10 * kSecond).ok());
    }
    SECTION("a topic that does not exist and may not be made is an alarm") {
        far->config.brokers = {broker()->value("sasl_ssl")};
        far->config.security = BrokerFarSide::login("alice-secret");
        far->config.topic = "nowhere";
        rig.append(5);
        REQUIRE(rig.run_until([&rig] { return rig.health().state == SinkState::alarm; }));
        CHECK(rig.disk.cursor.value_or(Lsn{}) == Lsn{});
    }
}

}  // namespace
}  // namespace penstock::sinks

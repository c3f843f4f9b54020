#include "ingest/config.h"

#include <catch2/catch.hpp>

#include <string>

using namespace penstock;
using ingest::Endpoint;
using ingest::MqttListenerConfig;

TEST_CASE("addresses are numbers and a port, or localhost", "[ingest][config]") {
    for (const char* good :
         {"127.0.0.1:1883", "0.0.0.0:0", "[::1]:8883", "[::]:1883", "localhost:1883"}) {
        INFO(good);
        const auto endpoint = Endpoint::parse(good);
        REQUIRE(endpoint.ok());
        CHECK(endpoint->text() == good);
    }
    for (const char* bad :
         {"",
          "1883",
          ":1883",
          "127.0.0.1",
          "127.0.0.1:",
          "127.0.0.1:x",
          "127.0.0.1:65536",
          "broker.example:1883",
          "::1:1883",
          "[::1]"}) {
        INFO(bad);
        CHECK_FALSE(Endpoint::parse(bad).ok());
    }
}

TEST_CASE("loopback is known", "[ingest][config]") {
    for (const char* near : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"})
        CHECK(Endpoint::parse(near)->loopback());
    for (const char* far : {"0.0.0.0:1", "192.0.2.1:1", "[::]:1", "[2001:db8::1]:1"})
        CHECK_FALSE(Endpoint::parse(far)->loopback());
}

TEST_CASE("a listener is read from its table", "[ingest][config]") {
    config::Problems problems;
    const auto settings = config::read<MqttListenerConfig>(
        "listen: 0.0.0.0:8883\n"
        "tls: { certificate: /c.pem, key: /k.pem, client_certificate: off }\n"
        "limits: { connections: 5, in_flight: 64KiB, first_packet_timeout: 3s }\n"
        "max_packet: 1MiB\n"
        "refused_message: disconnect\n",
        "test.yaml",
        problems
    );
    INFO(problems.text());
    REQUIRE(settings);
    CHECK(settings->listen.port == 8883);
    CHECK(settings->tls->client_certificate == ingest::ClientCertificate::off);
    CHECK(settings->limits.connections == 5);
    CHECK(settings->limits.in_flight == ByteCount{64 << 10});
    CHECK(settings->max_packet == ByteCount{1 << 20});
    CHECK(settings->refused_message == ingest::RefusedMessage::disconnect);
    CHECK(settings->max_topic_levels == 16);
}

TEST_CASE("required client certificates need somebody to vouch for them", "[ingest][config]") {
    config::Problems problems;
    const auto settings = config::read<MqttListenerConfig>(
        "tls: { certificate: /c.pem, key: /k.pem, client_certificate: required }\n",
        "test.yaml",
        problems
    );
    CHECK_FALSE(settings);
    CHECK(problems.text().find("client_ca") != std::string::npos);
}

TEST_CASE("a listener beyond loopback that takes anybody is refused", "[ingest][config]") {
    const Endpoint near{"127.0.0.1", 1883};
    const Endpoint far{"0.0.0.0", 1883};
    CHECK(ingest::check_listener("mqtt", near, {}, true).ok());
    CHECK(ingest::check_listener("mqtt", far, {}, false).ok());
    const Status status = ingest::check_listener("mqtt", far, {}, true);
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().message.find("'mqtt'") != std::string::npos);
    ingest::TlsConfig tls;
    tls.client_certificate = ingest::ClientCertificate::required;
    tls.client_ca = "/ca.pem";
    CHECK(ingest::check_listener("mqtts", far, tls, true).ok());
}

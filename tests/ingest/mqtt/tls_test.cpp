#include "ingest/tls.h"

#include "node.h"
#include "support/authority.h"
#include "support/temp_dir.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <fstream>

using namespace penstock;
using penstock::test::Authority;
using penstock::test::TempDir;

namespace {

ingest::MqttListenerConfig with_tls(
    const Authority& authority, ingest::ClientCertificate mode = ingest::ClientCertificate::optional
) {
    ingest::MqttListenerConfig settings;
    settings.tls.emplace();
    settings.tls->certificate = authority.certificate("server");
    settings.tls->key = authority.key("server");
    settings.tls->client_ca = authority.certificate("ca");
    settings.tls->client_certificate = mode;
    return settings;
}

/// A device that speaks TLS over the socket of a Device.
class TlsDevice {
public:
    struct Options {
        int version = TLS1_3_VERSION;
        std::string certificate = {};
        std::string key = {};
        std::string alpn = {};
    };

    TlsDevice(Node& node, const Options& options) : node_(node), plain_(node) {
        context_ = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_min_proto_version(context_, options.version);
        SSL_CTX_set_max_proto_version(context_, options.version);
        if (options.version < TLS1_2_VERSION) SSL_CTX_set_security_level(context_, 0);
        if (!options.certificate.empty()) {
            SSL_CTX_use_certificate_file(context_, options.certificate.c_str(), SSL_FILETYPE_PEM);
            SSL_CTX_use_PrivateKey_file(context_, options.key.c_str(), SSL_FILETYPE_PEM);
        }
        SSL_CTX_set_cert_cb(
            context_,
            [](SSL*, void* self) {
                static_cast<TlsDevice*>(self)->asked_ = true;
                return 1;
            },
            this
        );
        ssl_ = SSL_new(context_);
        if (!options.alpn.empty()) {
            const std::string wire =
                wire::u8(static_cast<unsigned>(options.alpn.size())) + options.alpn;
            SSL_set_alpn_protos(
                ssl_,
                reinterpret_cast<const unsigned char*>(wire.data()),
                static_cast<unsigned>(wire.size())
            );
        }
        SSL_set_fd(ssl_, plain_.fd());
    }
    ~TlsDevice() {
        SSL_free(ssl_);
        SSL_CTX_free(context_);
    }
    TlsDevice(const TlsDevice&) = delete;
    TlsDevice& operator=(const TlsDevice&) = delete;

    /// False: the handshake failed.
    bool shakes_hands() {
        return step([&] { return SSL_connect(ssl_); });
    }
    TlsDevice& sends(std::string_view bytes) {
        REQUIRE(step([&] { return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())); })
        );
        return *this;
    }
    /// False: the connection has ended.
    bool receives(std::size_t packets) {
        return step([&] {
            char buffer[16'384];
            const int n = SSL_read(ssl_, buffer, sizeof buffer);
            if (n > 0) heard.append(buffer, static_cast<std::size_t>(n));
            if (wire::read(heard, v5).size() >= packets) return 1;
            return n > 0 ? again() : n;
        });
    }
    TlsDevice& hears(const std::string& packet) {
        REQUIRE(receives(1));
        CHECK(wire::read(heard, v5) == std::vector<std::string>{packet});
        heard.clear();
        return *this;
    }
    [[nodiscard]] bool was_asked() const { return asked_; }
    [[nodiscard]] std::string server_name() const {
        X509* const certificate = SSL_get1_peer_certificate(ssl_);
        char name[256] = {};
        X509_NAME_get_text_by_NID(
            X509_get_subject_name(certificate), NID_commonName, name, sizeof name
        );
        X509_free(certificate);
        return name;
    }
    [[nodiscard]] SSL* ssl() const { return ssl_; }
    Device& plain() { return plain_; }

    std::string heard;
    bool v5 = false;

private:
    int again() {
        repeat_ = true;
        return 0;
    }
    template <class Io>
    bool step(Io io) {
        int result = 0;
        bool failed = false;
        node_.until([&] {
            ERR_clear_error();
            repeat_ = false;
            result = io();
            if (result > 0 || repeat_) return result > 0;
            const int error = SSL_get_error(ssl_, result);
            failed = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
            return failed;
        });
        return !failed;
    }

    Node& node_;
    Device plain_;
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
    bool asked_ = false;
    bool repeat_ = false;
};

struct Setup {
    explicit Setup(ingest::ClientCertificate mode = ingest::ClientCertificate::optional)
        : authority(folder.path()) {
        authority.issue("server", "/CN=penstock.test");
        authority.issue("pump", "/CN=pump-7");
        authority.issue("stranger", "/CN=stranger", "other-ca");
        node = std::make_unique<Node>(2, with_tls(authority, mode));
    }
    [[nodiscard]] TlsDevice::Options as(const std::string& name) const {
        TlsDevice::Options options;
        options.certificate = authority.certificate(name).string();
        options.key = authority.key(name).string();
        return options;
    }

    TempDir folder;
    Authority authority;
    std::unique_ptr<Node> node;
};

}  // namespace

TEST_CASE("a device publishes over TLS 1.2 and 1.3", "[mqtt][tls]") {
    Setup setup;
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TlsDevice::Options options;
        options.version = version;
        TlsDevice device(*setup.node, options);
        REQUIRE(device.shakes_hands());
        device
            .sends(wire::connect_as("d" + std::to_string(version)) + wire::publish("t", "{}", 1, 1))
            .hears("connack 0");
        setup.node->until([&] {
            return !setup.node->intakes[0]->waiting.empty() ||
                   !setup.node->intakes[1]->waiting.empty();
        });
        setup.node->durable_all();
        device.hears(wire::puback(1));
    }
}

TEST_CASE("TLS 1.1 and ciphers without forward secrecy are refused", "[mqtt][tls]") {
    Setup setup;
    TlsDevice::Options old;
    old.version = TLS1_1_VERSION;
    TlsDevice device(*setup.node, old);
    CHECK_FALSE(device.shakes_hands());
    TlsDevice::Options options;
    options.version = TLS1_2_VERSION;
    for (const char* ciphers : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256"}) {
        TlsDevice weak(*setup.node, options);
        SSL_set_cipher_list(weak.ssl(), ciphers);
        CHECK_FALSE(weak.shakes_hands());
    }
    setup.node->settle(std::chrono::milliseconds(20));
    CHECK(
        setup.node->metric("penstock_refused_connections_total", {{"reason", "tls_handshake"}}) == 3
    );
}

TEST_CASE("a client certificate is asked for and tells who the device is", "[mqtt][tls][quirk16]") {
    Setup setup;
    TlsDevice device(*setup.node, setup.as("pump"));
    REQUIRE(device.shakes_hands());
    device.sends(wire::connect_as("a")).hears("connack 0");
    CHECK(device.was_asked());
    CHECK(setup.node->authenticator.seen.at(0).certificate == "pump-7");
}

TEST_CASE(
    "a device without a certificate, or with an unknown one, comes in without an identity",
    "[mqtt][tls][quirk16]"
) {
    Setup setup;
    TlsDevice without(*setup.node, {});
    REQUIRE(without.shakes_hands());
    without.sends(wire::connect_as("a")).hears("connack 0");
    CHECK(without.was_asked());
    TlsDevice stranger(*setup.node, setup.as("stranger"));
    REQUIRE(stranger.shakes_hands());
    stranger.sends(wire::connect_as("b")).hears("connack 0");
    CHECK(setup.node->authenticator.seen.at(0).certificate.empty());
    CHECK(setup.node->authenticator.seen.at(1).certificate.empty());
}

TEST_CASE("where certificates are required, nobody comes in without a known one", "[mqtt][tls]") {
    Setup setup(ingest::ClientCertificate::required);
    TlsDevice pump(*setup.node, setup.as("pump"));
    REQUIRE(pump.shakes_hands());
    pump.sends(wire::connect_as("a")).hears("connack 0");
    // TLS 1.3 clients learn of it with their first read.
    TlsDevice without(*setup.node, {});
    CHECK_FALSE((without.shakes_hands() && without.receives(1)));
    TlsDevice stranger(*setup.node, setup.as("stranger"));
    CHECK_FALSE((stranger.shakes_hands() && stranger.receives(1)));
    CHECK(setup.node->authenticator.seen.size() == 1);
}

TEST_CASE("common names that are no good identity are none", "[mqtt][tls][A08]") {
    Setup setup;
    setup.authority.issue("line", "/CN=a\nb");
    TlsDevice device(*setup.node, setup.as("line"));
    REQUIRE(device.shakes_hands());
    device.sends(wire::connect_as("a")).hears("connack 0");
    CHECK(setup.node->authenticator.seen.at(0).certificate.empty());
}

TEST_CASE("an ALPN that is not known is no reason to refuse", "[mqtt][tls][quirk18]") {
    Setup setup;
    TlsDevice::Options options;
    options.alpn = "x-amzn-mqtt-ca";
    TlsDevice device(*setup.node, options);
    REQUIRE(device.shakes_hands());
    device.sends(wire::connect()).hears("connack 0");
}

TEST_CASE("renegotiation is refused", "[mqtt][tls][M30]") {
    Setup setup;
    TlsDevice::Options options;
    options.version = TLS1_2_VERSION;
    TlsDevice device(*setup.node, options);
    REQUIRE(device.shakes_hands());
    device.sends(wire::connect()).hears("connack 0");
    SSL_renegotiate(device.ssl());
    (void)SSL_do_handshake(device.ssl());
    setup.node->settle(std::chrono::milliseconds(30));
    CHECK(SSL_do_handshake(device.ssl()) != 1);
    CHECK(setup.node->connections() <= 1);
}

TEST_CASE("a handshake that takes ten seconds, or is none, is given up", "[mqtt][tls]") {
    Setup setup;
    Device slow(*setup.node);
    Device plain(*setup.node);
    plain.sends(wire::connect());
    setup.node->settle(std::chrono::milliseconds(30));
    CHECK(
        setup.node->metric("penstock_refused_connections_total", {{"reason", "tls_handshake"}}) == 1
    );
    CHECK_FALSE(slow.ended());
    setup.node->pass(11 * kSecond);
    slow.is_closed();
    CHECK(
        setup.node->metric("penstock_refused_connections_total", {{"reason", "tls_timeout"}}) == 1
    );
}

TEST_CASE(
    "handshakes at a time are bounded, and those who wait come in afterwards", "[mqtt][tls]"
) {
    TempDir folder;
    Authority authority(folder.path());
    authority.issue("server", "/CN=penstock.test");
    auto settings = with_tls(authority);
    settings.tls->handshakes_max = 2;
    Node node(1, settings);
    std::vector<Device> slow;
    for (int i = 0; i < 4; ++i)
        slow.emplace_back(node);
    node.settle(std::chrono::milliseconds(30));
    CHECK(node.connections() == 2);
    TlsDevice device(node, {});
    slow.clear();
    REQUIRE(device.shakes_hands());
}

TEST_CASE("many answers cross a full TLS socket without a hole", "[mqtt][tls][M22]") {
    Setup setup;
    TlsDevice device(*setup.node, {});
    REQUIRE(device.shakes_hands());
    device.sends(wire::connect()).hears("connack 0");
    std::string pings;
    for (int i = 0; i < 5'000; ++i)
        pings += wire::pingreq();
    for (int i = 0; i < 20; ++i) {
        std::string_view left = pings;
        while (!left.empty()) {
            const auto part = left.substr(0, 4000);
            device.sends(part);
            left.remove_prefix(part.size());
        }
        REQUIRE(device.receives(i % 4 == 3 ? 5'000U : 1U));
        if (i % 4 == 3) {
            REQUIRE(device.receives(20'000));
            CHECK(device.heard == [] {
                std::string all;
                for (int k = 0; k < 20'000; ++k)
                    all += wire::packet(0xD0, "");
                return all;
            }());
            device.heard.clear();
        }
    }
}

TEST_CASE("certificates are read anew, and bad ones leave the old in use", "[mqtt][tls][reload]") {
    Setup setup;
    {
        TlsDevice device(*setup.node, {});
        REQUIRE(device.shakes_hands());
        CHECK(device.server_name() == "penstock.test");
    }
    setup.authority.issue("server", "/CN=renewed.test");
    REQUIRE(setup.node->listeners->reload().ok());
    {
        TlsDevice device(*setup.node, {});
        REQUIRE(device.shakes_hands());
        CHECK(device.server_name() == "renewed.test");
    }
    std::ofstream(setup.authority.certificate("server")) << "nothing";
    const Status status = setup.node->listeners->reload();
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().message.find("listener 'mqtt'") != std::string::npos);
    CHECK(status.error().message.find("server.pem") != std::string::npos);
    TlsDevice device(*setup.node, {});
    REQUIRE(device.shakes_hands());
    CHECK(device.server_name() == "renewed.test");
}

TEST_CASE("a key that belongs to another certificate is an error", "[mqtt][tls]") {
    TempDir folder;
    Authority authority(folder.path());
    authority.issue("server", "/CN=penstock.test");
    ingest::TlsConfig config;
    config.certificate = authority.certificate("server");
    config.key = authority.key("ca");
    const auto opened = ingest::TlsServer::open(config);
    REQUIRE_FALSE(opened.ok());
}

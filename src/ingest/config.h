#pragma once

#include "config/field.h"
#include "config/units.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

/// Settings that every listener of devices shares, and those of MQTT listeners. HTTP's own are in
/// ingest/http/config.h.
namespace penstock::ingest {

/// Default of what connections may hold together.
constexpr ByteCount kConnectionMemory{128 << 20};

/// Where a listener listens: `127.0.0.1:1883`, `[::1]:1883`, `0.0.0.0:1883`, `[::]:1883`,
/// `localhost:1883`. Port 0 lets the system choose (tests). Names other than `localhost` are
/// refused: a listener must not depend on a name server. Threads: immutable.
struct Endpoint {
    std::string host;  // without brackets
    std::uint16_t port = 0;

    [[nodiscard]] static Result<Endpoint> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    /// Reachable from this machine only.
    [[nodiscard]] bool loopback() const noexcept;
    bool operator==(const Endpoint&) const = default;
};

enum class ClientCertificate : std::uint8_t {
    off,       // never asked for
    optional,  // asked for; a client without one or with an unknown one connects, without an
               // identity from it
    required,  // a handshake without a certificate that `client_ca` vouches for fails
};

/// TLS of a listener. TLS 1.2 and 1.3, AEAD ciphers with ephemeral keys only, no renegotiation, no
/// compression, no early data. Files are read anew on SIGHUP; a bad file keeps the old ones.
struct TlsConfig {
    std::filesystem::path certificate;  // PEM: the server's chain, leaf first
    std::filesystem::path key;          // PEM, without a passphrase
    std::filesystem::path
        client_ca;  // PEM: who may sign client certificates; empty: nobody is known
    ClientCertificate client_certificate = ClientCertificate::optional;
    Duration handshake_timeout = std::chrono::seconds(10);
    std::uint32_t handshakes_max = 512;  // at a time and shard; more wait in the accept queue
    config::Origin origin;
};

/// Bounds of one listener. At a bound the listener refuses or stops reading; it never drops what it
/// took.
struct ConnectionLimits {
    std::uint32_t connections = 100'000;  // of this listener, all shards; more are closed at once
    std::uint32_t connections_per_address =
        0;                         // IPv4 address or IPv6 /64 network; 0: no bound of its own
    ByteCount in_flight{1 << 20};  // taken but not yet durable, per connection; then reading stops
    ByteCount output{256 << 10};   // acknowledgements the client does not read; then reading stops
    Duration first_packet_timeout =
        std::chrono::seconds(10);  // from accept to a whole CONNECT / request head
    Duration write_timeout =
        std::chrono::seconds(60);  // a client that takes no byte for so long is closed
};

/// What becomes of a message of MQTT 3.1 or 3.1.1 that is refused for good: these versions have no
/// word for it.
enum class RefusedMessage : std::uint8_t {
    acknowledge,  // PUBACK, counted: a bad device cannot loop on it
    disconnect,
};

/// One MQTT listener (MQTT 3.1, 3.1.1 and 5 on one port).
struct MqttListenerConfig {
    Endpoint listen{"127.0.0.1", 1883};
    std::optional<TlsConfig> tls;
    ConnectionLimits limits;
    ByteCount max_packet{256 << 10};  // told to MQTT 5 clients; larger ones: DISCONNECT 0x95
    std::uint32_t max_topic_bytes = 512;
    std::uint32_t max_topic_levels = 16;
    std::uint32_t max_client_id_bytes = 256;
    std::uint32_t max_user_properties = 64;  // per packet
    std::uint16_t topic_alias_max = 16;      // MQTT 5; 0: none offered
    std::uint16_t receive_maximum =
        65'535;  // MQTT 5; many clients ignore a smaller one: TCP holds them back instead
    Duration max_keep_alive{};  // MQTT 5 Server Keep Alive; 0: whatever the client wants
    RefusedMessage refused_message = RefusedMessage::acknowledge;
    config::Origin origin;
};

/// Problems that only several settings together have: a listener beyond loopback that would take
/// anybody, TLS files that are missing. `takes_anonymous`:
/// auth::Authenticator::takes_anonymous(loopback) of the settings.
[[nodiscard]] Status check_listener(
    std::string_view name,
    const Endpoint& listen,
    const std::optional<TlsConfig>& tls,
    bool takes_anonymous
);

}  // namespace penstock::ingest

namespace penstock::config {

template <>
struct Scalar<ingest::Endpoint> {
    static constexpr std::string_view kType = "address";
    static Result<ingest::Endpoint> parse(std::string_view text) {
        return ingest::Endpoint::parse(text);
    }
    static std::string print(const ingest::Endpoint& value) { return value.text(); }
};

template <>
struct Fields<ingest::TlsConfig> {
    static Table<ingest::TlsConfig> table();
    static void check(const ingest::TlsConfig& tls, const Origin& where, Problems& problems);
};

template <>
struct Fields<ingest::ConnectionLimits> {
    static Table<ingest::ConnectionLimits> table();
};

template <>
struct Fields<ingest::MqttListenerConfig> {
    static Table<ingest::MqttListenerConfig> table();
};

}  // namespace penstock::config

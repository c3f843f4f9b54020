#include "ingest/config.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <charconv>
#include <cstring>
#include <system_error>

namespace penstock::ingest {
namespace {

std::string numeric(const std::string& host) {
    return host == "localhost" ? "127.0.0.1" : host;
}

Error not_an_address() {
    return {Errc::invalid_argument, "must be ADDRESS:PORT, such as 127.0.0.1:1883 or [::1]:1883"};
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon + 1 == text.size()) return not_an_address();
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);

    Endpoint made{std::string(host), 0};
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), made.port);
    if (error != std::errc{} || end != port.data() + port.size()) return not_an_address();
    std::array<unsigned char, sizeof(in6_addr)> address{};
    const int family = bracketed ? AF_INET6 : AF_INET;
    if (::inet_pton(family, numeric(made.host).c_str(), address.data()) != 1)
        return not_an_address();
    return made;
}

std::string Endpoint::text() const {
    const bool six = host.find(':') != std::string::npos;
    return (six ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

bool Endpoint::loopback() const noexcept {
    in6_addr six{};
    if (::inet_pton(AF_INET6, host.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six) != 0;
    return host == "localhost" || host.starts_with("127.");
}

Status check_listener(
    std::string_view name,
    const Endpoint& listen,
    const std::optional<TlsConfig>& tls,
    bool takes_anonymous
) {
    const bool known_clients =
        tls && tls->client_certificate == ClientCertificate::required && !tls->client_ca.empty();
    if (listen.loopback() || !takes_anonymous || known_clients) return {};
    return Error{
        Errc::denied,
        "listener '" + std::string(name) + "' at " + listen.text() +
            " would take records from anybody: set auth.passwords or auth.tokens, require client "
            "certificates, or "
            "listen on 127.0.0.1"
    };
}

}  // namespace penstock::ingest

namespace penstock::config {

using ingest::ClientCertificate;
using ingest::ConnectionLimits;
using ingest::MqttListenerConfig;
using ingest::RefusedMessage;
using ingest::TlsConfig;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Table<TlsConfig> Fields<TlsConfig>::table() {
    return {
        field(
            "certificate",
            &TlsConfig::certificate,
            "PEM file with the server's certificate chain, leaf first.",
            required
        ),
        field(
            "key", &TlsConfig::key, "PEM file with its private key, without a passphrase.", required
        ),
        field(
            "client_ca",
            &TlsConfig::client_ca,
            "PEM file with the authorities that sign client certificates."
        ),
        field(
            "client_certificate",
            &TlsConfig::client_certificate,
            "Whether clients are asked for a certificate. optional: those without one, or with an "
            "unknown one, connect too.",
            one_of<ClientCertificate>(
                {{"off", ClientCertificate::off},
                 {"optional", ClientCertificate::optional},
                 {"required", ClientCertificate::required}}
            )
        ),
        field(
            "handshake_timeout",
            &TlsConfig::handshake_timeout,
            "A handshake that takes longer is given up.",
            between(Duration(milliseconds(100)), Duration(minutes(5)))
        ),
        field(
            "handshakes_max",
            &TlsConfig::handshakes_max,
            "Handshakes at a time, per shard; more wait in the accept queue.",
            between(1U, 65'536U)
        ),
    };
}

void Fields<TlsConfig>::check(const TlsConfig& tls, const Origin& where, Problems& problems) {
    if (tls.client_certificate != ClientCertificate::required || !tls.client_ca.empty()) return;
    problems.error(
        where.at("client_certificate"),
        "'required' needs client_ca: nobody could connect without it"
    );
}

Table<ConnectionLimits> Fields<ConnectionLimits>::table() {
    return {
        field(
            "connections",
            &ConnectionLimits::connections,
            "Connections of this listener; more are closed at once.",
            between(1U, 16'000'000U)
        ),
        field(
            "connections_per_address",
            &ConnectionLimits::connections_per_address,
            "Connections from one IPv4 address or IPv6 /64 network; 0: no bound of its own."
        ),
        field(
            "in_flight",
            &ConnectionLimits::in_flight,
            "Bytes of one connection that are taken but not yet on disk; beyond it nothing is read "
            "from it.",
            between(ByteCount{4096}, ByteCount{1 << 30})
        ),
        field(
            "output",
            &ConnectionLimits::output,
            "Bytes that a client does not read; beyond it nothing is read from it.",
            between(ByteCount{4096}, ByteCount{64 << 20})
        ),
        field(
            "first_packet_timeout",
            &ConnectionLimits::first_packet_timeout,
            "A client that has not sent a whole CONNECT or request head by then is closed.",
            between(Duration(milliseconds(100)), Duration(minutes(10)))
        ),
        field(
            "write_timeout",
            &ConnectionLimits::write_timeout,
            "A client that takes no byte of its answers for so long is closed.",
            between(Duration(seconds(1)), Duration(hours(1)))
        ),
    };
}

Table<MqttListenerConfig> Fields<MqttListenerConfig>::table() {
    return {
        field("listen", &MqttListenerConfig::listen, "Address and port."),
        field("tls", &MqttListenerConfig::tls, "Makes it an MQTT over TLS listener."),
        field("limits", &MqttListenerConfig::limits, "Bounds of its connections."),
        field(
            "max_packet",
            &MqttListenerConfig::max_packet,
            "Largest packet; told to MQTT 5 clients.",
            between(ByteCount{1024}, ByteCount{256 << 20})
        ),
        field(
            "max_topic_bytes",
            &MqttListenerConfig::max_topic_bytes,
            "Longest topic.",
            between(1U, 65'535U)
        ),
        field(
            "max_topic_levels",
            &MqttListenerConfig::max_topic_levels,
            "Most levels of a topic.",
            between(1U, 65'535U)
        ),
        field(
            "max_client_id_bytes",
            &MqttListenerConfig::max_client_id_bytes,
            "Longest client id.",
            between(23U, 65'535U)
        ),
        field(
            "max_user_properties",
            &MqttListenerConfig::max_user_properties,
            "Most MQTT 5 user properties of a packet.",
            at_most(65'535U)
        ),
        field(
            "topic_alias_max",
            &MqttListenerConfig::topic_alias_max,
            "MQTT 5 topic aliases of a client; 0: none offered.",
            at_most(std::uint16_t{1024})
        ),
        field(
            "receive_maximum",
            &MqttListenerConfig::receive_maximum,
            "MQTT 5 Receive Maximum. Many clients ignore a small one; `limits.in_flight` holds "
            "them back in any case.",
            at_least(std::uint16_t{1})
        ),
        field(
            "max_keep_alive",
            &MqttListenerConfig::max_keep_alive,
            "Longest keep alive, as MQTT 5 Server Keep Alive; 0: whatever the client wants.",
            at_most(Duration(hours(18)))
        ),
        field(
            "refused_message",
            &MqttListenerConfig::refused_message,
            "What an MQTT 3 client gets for a message that is refused for good.",
            one_of<RefusedMessage>(
                {{"acknowledge", RefusedMessage::acknowledge},
                 {"disconnect", RefusedMessage::disconnect}}
            )
        ),
    };
}

}  // namespace penstock::config

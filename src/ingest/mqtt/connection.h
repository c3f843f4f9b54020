#pragma once

#include "ingest/connection.h"
#include "ingest/mqtt/session.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace penstock::auth {
struct Verdict;
}

namespace penstock::mqtt {

class Server;
struct ShardPart;

/// A socket that speaks MQTT: frames for the session, log-in, the home shard of the client id, keep
/// alive, take-over.
///
/// CONNECT is read where the connection was accepted; then it moves to its home shard, logs in
/// there, and stays. Whoever leaves in good order (DISCONNECT, half-closed socket, take-over,
/// drain) still gets the acknowledgements of what was taken, for at most kLastAcknowledgements.
/// Threads: owning shard.
class Connection final : public ingest::Connection {
public:
    static constexpr Nanoseconds kLastAcknowledgements = 10 * kSecond;
    static constexpr Nanoseconds kLogInTimeout = 30 * kSecond;

    Connection(ingest::Arrival arrival, Server& server, const ingest::MqttListenerConfig& settings);
    ~Connection() override;

    [[nodiscard]] ingest::Consumed received(std::span<const std::byte> bytes) override;
    void durable(std::uint32_t sequence) override;
    void peer_ended() override;
    void expired() override;
    void drain() override;
    void shed() override;
    void closed() override;

    [[nodiscard]] const Session& session() const noexcept { return session_; }

private:
    [[nodiscard]] Desk desk() noexcept;
    [[nodiscard]] ShardPart& part() const noexcept;
    void answer() {
        if (!output().empty()) queued();
    }

    void session_ended();
    void begin_log_in();
    void authenticate();
    void decided(const auth::Verdict& verdict);
    void enter();
    void turn_away(Reason reason, std::string_view text);
    void taken_over(bool clean_start);
    void leave(std::string_view reason, Reason farewell);
    void leave_if_idle();

    Server& server_;
    const ingest::MqttListenerConfig& settings_;
    Session session_;
    Nanoseconds heard_ = 0;              // monotonic, of the last bytes
    std::string_view leaving_;           // why; empty: not leaving
    Reason farewell_ = Reason::success;  // said when leaving, unless success
    bool silent_will_ = false;           // the will is not published
};

}  // namespace penstock::mqtt

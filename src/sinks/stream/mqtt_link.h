#pragma once

#include "base/bytes.h"
#include "base/mqtt/packet.h"
#include "penstock/clock.h"
#include "penstock/sink.h"
#include "sinks/stream/mqtt_config.h"
#include "sinks/transport/byte_stream.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// A broker's word about one message.
struct MqttAck {
    std::uint16_t packet_id = 0;
    mqtt::Reason reason = mqtt::Reason::success;
    std::string text;  // its Reason String
};

/// What the broker asked for when it took the connection.
struct MqttLimits {
    std::uint32_t receive_maximum = 65'535;  // messages without a PUBACK
    std::uint32_t packet_max = 0;            // bytes; 0: any
    Nanoseconds keep_alive = 0;
};

/// One connection to a broker, logged in, for messages of QoS 1: packets go in, PUBACKs come out.
/// Nothing blocks but poll(), and poll() for at most its wait. Keeps itself alive with PINGREQ.
///
/// Bounds: a packet of the broker has at most kPacketMax bytes (MQTT 5 tells it so); a larger one,
/// or one that a broker has no reason to send, ends the link.
///
/// Threads: owner.
class MqttLink {
public:
    static constexpr std::uint32_t kPacketMax = 64 * 1024;

    /// Begins to connect, with a new session. `clock` must outlive it.
    MqttLink(const MqttConfig& config, std::string_view client_id, const Clock& clock);

    /// Logged in: messages may be sent.
    [[nodiscard]] bool ready() const noexcept { return limits_.has_value() && !failure_; }
    /// Precondition: it was ready once.
    [[nodiscard]] const MqttLimits& limits() const noexcept { return *limits_; }
    /// Why it is over, for good.
    [[nodiscard]] const std::optional<SinkFailure>& failure() const noexcept { return failure_; }
    /// Sends one whole PUBLISH.
    void send(std::string_view packet);
    /// Messages that have no PUBACK yet.
    [[nodiscard]] std::uint32_t awaited() const noexcept { return awaited_; }
    /// Waits for something: a CONNACK, a PUBACK, a PINGRESP.
    [[nodiscard]] bool waiting() const noexcept { return !ready() || awaited_ > 0 || pinged_; }
    /// How long until it has to send something; 0: at once.
    [[nodiscard]] Nanoseconds ping_in(Nanoseconds interval) const noexcept;
    /// Moves bytes along, waits at most `wait`, appends what the broker said. Sends a PINGREQ when
    /// it has sent nothing for `interval`. An answer that takes longer than `patience` ends the
    /// link.
    void poll(
        Nanoseconds wait, Nanoseconds interval, Nanoseconds patience, std::vector<MqttAck>& acks
    );
    /// Says good-bye, as far as that needs no waiting.
    void close();

private:
    void greet(const mqtt::Frame& frame);
    void take(const mqtt::Frame& frame, std::vector<MqttAck>& acks);
    void take_puback(const mqtt::Frame& frame, std::vector<MqttAck>& acks);
    void read(std::vector<MqttAck>& acks);
    void ping(Nanoseconds interval);
    void put_out(const Bytes& packet);
    void end(SinkFailure why);
    void broken(std::string_view what);

    const Clock& clock_;
    const mqtt::Version version_;
    const bool retain_;
    const Nanoseconds keep_alive_;
    ByteStream stream_;
    std::string in_;
    std::optional<MqttLimits> limits_;
    std::uint32_t awaited_ = 0;
    bool pinged_ = false;
    Nanoseconds sent_at_;
    Nanoseconds heard_at_;  // the last answer that was waited for, but for PINGRESP
    Nanoseconds pinged_at_ = 0;
    std::optional<SinkFailure> failure_;
};

}  // namespace penstock::sinks

#pragma once

#include "base/bytes.h"
#include "base/mqtt/decode.h"
#include "base/mqtt/encode.h"
#include "base/mqtt/packet.h"
#include "base/mqtt/reason.h"
#include "base/mqtt/topic.h"
#include "ingest/mqtt/inflight.h"
#include "penstock/clock.h"
#include "penstock/intake.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::ingest {
struct MqttListenerConfig;
class ListenerCells;
}  // namespace penstock::ingest

namespace penstock::mqtt {

/// What a session works with during a call. Made anew for each turn of its connection.
struct Desk {
    const ingest::MqttListenerConfig& settings;
    Intake& intake;
    ingest::ListenerCells& cells;
    Bytes& out;     // packets to the device are appended here
    Ticket ticket;  // slot and generation of the connection; the session sets the sequence
    Nanoseconds arrival = 0;  // wall time of what is being received
    Nanoseconds now = 0;      // monotonic
};

/// What a session wants of its connection after a packet.
enum class Next : std::uint8_t {
    go_on,
    busy,    // nothing was taken: show the same packet again after Origin::room()
    full,    // taken, but too much is in flight: read on when has_room() says so
    log_in,  // a CONNECT is complete but for the decision who the client is: login(), then accept()
             // or refuse()
    end,     // send what is in `out`, then close: end_reason()
};

/// Who wants to come in. Lives between CONNECT and accept() or refuse(); the password is wiped with
/// it.
struct Login {
    std::string client_id;  // empty: the server is to assign one, see Session::assign()
    std::string user;       // without its query part; empty: none
    std::string password;
    bool has_password = false;
    bool clean_start = false;

    Login() = default;
    Login(const Login&) = delete;
    Login& operator=(const Login&) = delete;
    ~Login();
};

/// A last will, kept until the connection ends.
struct Will {
    std::string topic;
    std::vector<char> payload;  // with kPayloadPadding bytes behind it
    std::uint8_t qos = 0;
    bool retain = false;
    bool delayed = false;  // Will Delay Interval above 0
};

/// The protocol of one MQTT connection: packets in, packets out. Knows no socket and no clock.
///
/// Versions 3.1, 3.1.1 and 5; QoS 0 and 1. PUBACK leaves only from durable() (or for a message
/// refused for good) and in the order of arrival; PINGRESP leaves at once. QoS 2 and subscriptions
/// are answered as a server does that offers none. There are no sessions to resume: Session Present
/// is 0 and a Session Expiry Interval is overruled with 0. Threads: owning shard.
class Session {
public:
    Session() = default;
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    [[nodiscard]] Next receive(const Frame& frame, Desk& desk);
    /// What next_frame() found is no packet, or (partial) the beginning of one that is not
    /// expected.
    [[nodiscard]] Next receive_broken(Framing fault, Desk& desk);
    /// May a packet begin with this byte now? False ends the wait for the rest of what is no
    /// CONNECT.
    [[nodiscard]] bool expects(std::byte head) const noexcept {
        return state_ != State::fresh || head == std::byte{0x10};
    }
    /// The longest packet that is taken now: less before CONNECT.
    [[nodiscard]] std::size_t max_packet(const ingest::MqttListenerConfig& settings) const noexcept;

    // ---- logging in
    /// Precondition: receive() said log_in, and neither accept() nor refuse() was called.
    [[nodiscard]] const Login& login() const noexcept { return *login_; }
    /// Gives a client without an id one. Told to MQTT 5 clients.
    void assign(std::string client_id);
    void accept(Desk& desk);
    /// `text`: for people. Then end.
    void refuse(Reason reason, std::string_view text, Desk& desk);

    // ---- connected
    /// Releases what may go out now that this record is on disk.
    void durable(std::uint32_t sequence, Desk& desk);
    /// Says goodbye for the server: DISCONNECT in MQTT 5, nothing in MQTT 3.
    void say_goodbye(Reason reason, std::string_view text, Desk& desk);
    /// After `full`: half of the bound is free again.
    [[nodiscard]] bool has_room(const ingest::MqttListenerConfig& settings) const noexcept;
    [[nodiscard]] bool idle() const noexcept { return inflight_.empty(); }
    [[nodiscard]] bool connected() const noexcept { return state_ == State::connected; }
    [[nodiscard]] const std::string& client_id() const noexcept { return client_id_; }
    [[nodiscard]] Version version() const noexcept { return version_; }
    /// The client must be heard within this time [MQTT-3.1.2-22]; 0: never.
    [[nodiscard]] Nanoseconds patience() const noexcept {
        return Nanoseconds{keep_alive_} * kSecond * 3 / 2;
    }
    /// Constant texts, for metrics and the log.
    [[nodiscard]] std::string_view end_reason() const noexcept { return end_reason_; }
    /// True when the end is the client's fault.
    [[nodiscard]] bool failed() const noexcept { return failed_; }

    /// The will that must be published now that the connection has ended; null when there is none,
    /// the client said goodbye, or it was never accepted. Afterwards there is none.
    [[nodiscard]] std::unique_ptr<Will> take_will() noexcept {
        return accepted_ ? std::move(will_) : nullptr;
    }
    [[nodiscard]] bool will_is_delayed() const noexcept {
        return will_ != nullptr && will_->delayed;
    }
    void forget_will() noexcept { will_.reset(); }

private:
    enum class State : std::uint8_t { fresh, logging_in, connected, ended };

    Next connect(const Frame& frame, Desk& desk);
    [[nodiscard]] Reason check_connect(const Connect& packet, const Desk& desk) const;
    void keep_connect(const Connect& packet, const Desk& desk);
    Next publish(const Frame& frame, Desk& desk);
    Next submit(const Publish& packet, std::size_t size, Desk& desk);
    Next refuse_message(
        const Publish& packet, std::size_t size, Reason reason, std::string_view text, Desk& desk
    );
    Next long_topic(const Publish& packet, std::size_t size, Desk& desk);
    Next subscribe(const Frame& frame, Desk& desk);
    [[nodiscard]] bool fits(const Subscribe& packet) const noexcept;
    Next unsubscribe(const Frame& frame, Desk& desk);
    Next disconnect(const Frame& frame, Desk& desk);
    Next release_id(const Frame& frame, Desk& desk);
    Next ping(const Frame& frame, Desk& desk);
    Next fail(Reason reason, Desk& desk);
    Next end(std::string_view reason) noexcept;
    void release(Desk& desk);
    [[nodiscard]] bool full(const ingest::MqttListenerConfig& settings) const noexcept;

    std::string client_id_;
    std::string_view end_reason_ = "closed";
    Inflight inflight_;
    TopicAliases aliases_;
    std::unique_ptr<Will> will_;
    std::unique_ptr<Login> login_;
    std::uint32_t client_max_packet_ = 0;  // 0: any
    std::uint16_t keep_alive_ = 0;         // seconds
    std::uint16_t server_keep_alive_ = 0;  // told to the client; 0: the client's own
    Version version_ = Version::v311;
    State state_ = State::fresh;
    bool problem_info_ = true;       // Request Problem Information
    bool expiry_overruled_ = false;  // the client wanted a session that lasts
    bool id_assigned_ = false;
    bool accepted_ = false;
    bool failed_ = false;
};

}  // namespace penstock::mqtt

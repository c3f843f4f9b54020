#pragma once

#include "base/bytes.h"
#include "ingest/transport.h"
#include "penstock/clock.h"
#include "penstock/intake.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace penstock::ingest {

class ShardListeners;
class Listener;

/// The far end of a connection.
/// Threads: immutable.
struct Peer {
    std::array<std::uint8_t, 16> address{};  // IPv6, or IPv4 mapped into it
    std::uint16_t port = 0;

    /// `192.0.2.1:50000`, `[2001:db8::1]:50000`, for the log.
    [[nodiscard]] std::string text() const;
};

/// One place among a listener's and an address's connections; given back when it goes.
/// Threads: owner.
class Admission {
public:
    Admission() = default;
    Admission(Listener& listener, const Peer& peer) noexcept : listener_(&listener), peer_(peer) {}
    Admission(Admission&& other) noexcept
        : listener_(std::exchange(other.listener_, nullptr)), peer_(other.peer_) {}
    Admission& operator=(Admission&&) = delete;
    ~Admission();

    [[nodiscard]] Listener& listener() const noexcept { return *listener_; }
    [[nodiscard]] const Peer& peer() const noexcept { return peer_; }

private:
    Listener* listener_ = nullptr;
    Peer peer_;
};

/// A connection as the listener hands it to its protocol.
struct Arrival {
    ShardListeners& shard;
    Admission admission;
    Transport transport;
};

/// How far a connection got with the bytes that it was shown.
struct Consumed {
    std::size_t bytes = 0;  // from the front; they are not shown again
    std::size_t need = 1;  // the rest is shown again when there are at least so many bytes of it (a
                           // hint: 1 is always right)
};

/// Why reading stands still. A connection reads while it has none of these.
enum Hold : std::uint8_t {
    kHoldRoom = 1 << 0,      // intake said busy: until Origin::room()
    kHoldOutput = 1 << 1,    // the client does not read its acknowledgements (set and cleared here)
    kHoldInFlight = 1 << 2,  // too much is waiting for the journal
    kHoldProtocol = 1 << 3,  // the protocol waits for something: a log-in, the answer to a request
    kHoldEnded = 1 << 4,     // nothing more is wanted from the client
};

/// Base of MQTT and HTTP connections: a callback session over a non-blocking socket. No coroutine,
/// no timer object, no buffer while idle: bytes are read into the shard's buffer and shown in
/// place; only what the protocol leaves (the beginning of a packet) is kept, and output that the
/// socket did not take.
///
/// Life: accept -> (TLS handshake) -> ready to read, with limits().first_packet_timeout as its
/// deadline -> received()* -> close()/finish() -> closed() -> destroyed at the end of the turn. In
/// between it may move to another shard once (MQTT: home shard of the client id). Every callback
/// runs on the shard's thread, never inside another callback of the same connection. Threads:
/// owning shard.
class Connection {
public:
    explicit Connection(Arrival arrival);
    virtual ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // ---- what a protocol implements

    /// Bytes from the peer, in order. kPayloadPadding readable bytes follow. Valid for the call
    /// only. Shown again with more behind it when not all was taken; also called again without new
    /// bytes after a hold was released.
    [[nodiscard]] virtual Consumed received(std::span<const std::byte> bytes) = 0;
    /// The record submitted with ticket(sequence) is on disk.
    virtual void durable(std::uint32_t sequence) = 0;
    /// The peer will send nothing more. What it is still owed may be sent; `finish` is the default.
    virtual void peer_ended() { finish("peer_closed"); }
    /// The deadline has passed (by at most one tick of the wheel). Set a new one or close.
    virtual void expired() = 0;
    /// The node stops: say goodbye as soon as everything taken is answered. Called once; reading
    /// has stopped already.
    virtual void drain() { finish("drain"); }
    /// The shard's connections hold more than they may together, and this is one of those that hold
    /// most. What it had sent in part is forgotten, nothing more is read. Called once.
    virtual void shed() { finish(kShedReason); }
    /// Last call before the end, whatever the cause. Nothing can be sent any more.
    virtual void closed() {}

    // ---- what a protocol uses

    [[nodiscard]] ShardListeners& shard() const noexcept { return *shard_; }
    [[nodiscard]] Listener& listener() const noexcept { return admission_.listener(); }
    [[nodiscard]] const Peer& peer() const noexcept { return admission_.peer(); }
    [[nodiscard]] const Transport& transport() const noexcept { return transport_; }
    [[nodiscard]] Ticket ticket(std::uint32_t sequence) const noexcept {
        return {slot_, generation_, sequence};
    }

    /// Queues output; everything queued in one turn leaves in one send. Output beyond the
    /// listener's bound stops reading.
    void send(std::span<const std::byte> bytes);
    void send(std::string_view text) { send(std::as_bytes(std::span(text))); }
    /// The queue itself, to encode into; call queued() afterwards.
    [[nodiscard]] Bytes& output() noexcept { return output_; }
    void queued();
    [[nodiscard]] std::size_t unsent() const noexcept { return output_.size(); }

    void hold(Hold why) noexcept { holds_ |= why; }
    /// Reading goes on when no other hold is left; what was kept is shown again in this or the next
    /// turn, not from within this call.
    void release(Hold why);
    [[nodiscard]] bool held(Hold why) const noexcept { return (holds_ & why) != 0; }
    /// After Intake::submit said busy: holds, and releases the hold at Origin::room().
    void wait_for_room();

    /// expired() is called at this monotonic time or up to one tick later; replaces the one before.
    /// 0: never.
    void set_deadline(Nanoseconds monotonic) noexcept;

    /// Ends the connection now: what is queued is lost. `reason`: a constant, it becomes a metric
    /// label.
    void close(std::string_view reason);
    /// Ends it when everything queued is sent, within the write time-out.
    void finish(std::string_view reason);
    [[nodiscard]] bool ending() const noexcept { return state_ >= State::finishing; }
    /// The peer has said that it will send nothing more.
    [[nodiscard]] bool half_closed() const noexcept { return peer_ended_; }

    static constexpr std::string_view kShedReason = "memory";

private:
    friend class ShardListeners;
    enum class State : std::uint8_t {
        handshaking,
        open,
        finishing,  // nothing more is read; closed once the output is sent
        lingering,  // everything is sent; waits for the peer to close, so that a reset does not eat
                    // the last words
        closed,
    };

    void ready(std::uint32_t events);
    void shake_hands();
    void opened();
    void read_once();
    void drop_input();
    void input_ended();
    void feed(std::span<std::byte> fresh);
    void feed_kept();
    void settle(std::span<const std::byte> shown, Consumed consumed);
    void go_on();
    void flush();
    void output_sent();
    void deadline_passed();
    void account() noexcept;
    void give_up_memory();
    enum WatchMode : std::uint8_t { kKeepInput, kDropInput };
    void watch(WatchMode mode = kKeepInput);

    Admission admission_;
    Transport transport_;
    ShardListeners* shard_;
    Bytes kept_;
    Bytes output_;
    std::string_view end_reason_;
    Nanoseconds deadline_ = 0;  // 0: none
    Nanoseconds write_deadline_ =
        0;  // a socket that takes nothing until then is closed; 0: no output waits
    std::uint32_t slot_ = 0;
    std::uint32_t generation_ = 0;
    std::uint32_t need_ = 1;        // kept_ is shown when it holds so many bytes
    std::uint32_t watched_ = 0;     // epoll events asked for
    std::uint32_t timer_tick_ = 0;  // where it stands in the wheel; 0: nowhere
    std::uint32_t held_bytes_ = 0;  // of kept_ and output_, as the shard counts them
    std::uint8_t holds_ = 0;
    State state_ = State::open;
    bool flush_queued_ = false;
    bool again_queued_ = false;
    bool write_blocked_ = false;
    bool read_wants_write_ = false;
    bool peer_ended_ = false;
    bool moving_ = false;
};

}  // namespace penstock::ingest

#pragma once

#include "ingest/config.h"
#include "ingest/connection.h"
#include "penstock/clock.h"
#include "penstock/intake.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming): Asio's name
}

namespace penstock::metrics {
class Counter;
class Histogram;
class Registry;
}  // namespace penstock::metrics

/// How the app builds ingest:
///
///     auto mqtt = std::make_shared<mqtt::Server>(authenticator, shard_count);
///     std::vector<ListenerSpec> specs{mqtt->listener("mqtt", settings.mqtt), http::...};
///     PS_TRY(auto listeners, Listeners::open(std::move(specs), shard_count, clock, registry));
///     // per shard, before its loop runs:
///     ShardListeners ingest(loop.io(), shard_id, *listeners, intake, shards);   // attaches itself
///     to the intake ingest.start();
///     // later, on the shard's thread:
///     ingest.drain(10 * kSecond, [] { ... });
///
/// Order of destruction: all loops stopped, then ShardListeners, then Listeners.
namespace penstock::ingest {

/// What the connections of a listener speak.
/// Threads: start() and accept() on each shard's thread; what a protocol shares between shards is
/// its own business.
class Protocol {
public:
    virtual ~Protocol() = default;
    /// Once per shard and listener, before the first accept: makes what the protocol keeps per
    /// shard (metric cells).
    virtual void start(ShardListeners& shard, Listener& listener) = 0;
    /// A connection was admitted (its TLS handshake has not been made yet).
    [[nodiscard]] virtual std::unique_ptr<Connection> accept(Arrival arrival) = 0;
};

/// One listener of the configuration.
struct ListenerSpec {
    std::string name;  // metric label, log
    Endpoint listen;
    std::optional<TlsConfig> tls;
    ConnectionLimits limits;
    std::shared_ptr<Protocol> protocol;
};

/// One listener of the process: settings, TLS and the count of its connections over all shards.
/// Threads: any thread.
class Listener {
public:
    virtual ~Listener() = default;
    [[nodiscard]] virtual const std::string& name() const noexcept = 0;
    /// With the port that the system chose.
    [[nodiscard]] virtual const Endpoint& address() const noexcept = 0;
    [[nodiscard]] virtual const ConnectionLimits& limits() const noexcept = 0;
    [[nodiscard]] virtual Protocol& protocol() const noexcept = 0;
    [[nodiscard]] virtual bool secure() const noexcept = 0;
    /// Position among the listeners.
    [[nodiscard]] virtual std::uint32_t index() const noexcept = 0;

    // ---- for ShardListeners and Admission
    /// Takes a place for a connection. Empty: taken; otherwise the reason why not, a constant.
    [[nodiscard]] virtual std::string_view enter(const Peer& peer) = 0;
    /// Gives it back.
    virtual void leave(const Peer& peer) noexcept = 0;
    /// The listening descriptor of a shard.
    [[nodiscard]] virtual int descriptor(ShardId shard) const noexcept = 0;
    /// Null for a plain listener.
    [[nodiscard]] virtual const TlsConfig* tls() const noexcept = 0;
    /// Plain or TLS, as the listener is.
    [[nodiscard]] virtual Result<Transport> transport(Socket socket) const = 0;
};

/// What one shard counts about one listener. Reasons are constants of the code: their number is
/// bounded. Threads: owning shard.
class ListenerCells {
public:
    ListenerCells(metrics::Registry& registry, std::string listener);
    ~ListenerCells();

    void connected() noexcept;
    void disconnected(std::string_view reason);
    void moved_out() noexcept;
    void moved_in() noexcept;
    void refused(std::string_view reason);
    void protocol_error(std::string_view reason);
    void received(std::size_t bytes) noexcept;
    void acknowledged(std::uint64_t records) noexcept;
    /// From the arrival of a message to the release of its acknowledgement.
    void ack_latency(Nanoseconds span) noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The listeners of the process: their sockets, bound for every shard at once, TLS, admission.
/// Threads: any thread.
class Listeners {
public:
    /// Binds every address (SO_REUSEPORT, one socket per shard) and loads certificates. An address
    /// that another program, or another Penstock, listens on is an error. Makes the process ignore
    /// SIGPIPE.
    /// `memory`: what the connections of all shards may hold together (ShardListeners).
    [[nodiscard]] static Result<std::unique_ptr<Listeners>> open(
        std::vector<ListenerSpec> specs,
        std::uint32_t shards,
        const Clock& clock,
        metrics::Registry& registry,
        ByteCount memory = kConnectionMemory
    );
    virtual ~Listeners() = default;

    /// By name; null when there is none.
    [[nodiscard]] virtual Listener* find(std::string_view name) noexcept = 0;
    [[nodiscard]] virtual std::size_t size() const noexcept = 0;
    [[nodiscard]] virtual Listener& at(std::size_t index) noexcept = 0;
    /// Reads certificates and keys anew (SIGHUP). Each listener keeps its old ones when the new
    /// ones are bad; the error names all that failed. Connections go on with what they began with.
    [[nodiscard]] virtual Status reload() = 0;

    // ---- for ShardListeners
    [[nodiscard]] virtual const Clock& clock() const noexcept = 0;
    [[nodiscard]] virtual metrics::Registry& registry() const noexcept = 0;
    /// A shard's share of the connections' memory, in bytes.
    [[nodiscard]] virtual std::size_t memory_share() const noexcept = 0;
    virtual void attach(ShardId shard, ShardListeners* ingest) noexcept = 0;
    /// Call it on that shard's thread. Null before it was made and after it was destroyed.
    [[nodiscard]] virtual ShardListeners* shard(ShardId shard) const noexcept = 0;
};

/// One shard's listeners and connections: accepts, reads, writes, times out, and brings
/// acknowledgements back.
///
/// Readiness: an epoll set of its own, which stands in the shard's io_context as one descriptor.
/// One turn handles at most kEventsPerTurn ready connections with one read of at most kReadBytes
/// each, then sends what was queued. Bounds: connections and addresses by listener, kept bytes by
/// the protocol's packet bound, output by ConnectionLimits::output, accepts per turn
/// kAcceptsPerTurn.
///
/// Overload, step by step: acknowledgements come late, and a connection with too much in flight is
/// not read (ConnectionLimits::in_flight). The intake says busy: little is read of each connection,
/// nothing of those that wait for room. Connections hold more than half of memory_share()
/// (beginnings of packets, answers that are not read): crowded(), new clients are refused. All of
/// it: those that hold most are ended, until an eighth is free. Nothing that was taken is dropped,
/// QoS 0 included.
///
/// Threads: the shard's thread (the constructor may run before that thread).
class ShardListeners final : public Origin {
public:
    static constexpr std::size_t kReadBytes = 64 << 10;
    static constexpr int kEventsPerTurn = 128;
    static constexpr int kAcceptsPerTurn = 64;
    static constexpr Nanoseconds kTick = 250 * kMillisecond;

    ShardListeners(
        boost::asio::io_context& io,
        ShardId id,
        Listeners& listeners,
        Intake& intake,
        Shards& shards
    );
    ~ShardListeners() override;

    /// Begins to accept.
    void start();
    /// Stops accepting and reading, lets every connection answer what it took and say goodbye;
    /// calls `done` when all are gone, after `bound` at the latest (the rest is closed then).
    void drain(Nanoseconds bound, std::function<void()> done);

    // ---- Origin
    void durable(std::span<const Ticket> tickets) override;
    void room() override;

    // ---- for protocols
    [[nodiscard]] ShardId id() const noexcept { return id_; }
    [[nodiscard]] Shards& shards() const noexcept { return shards_; }
    [[nodiscard]] Intake& intake() const noexcept { return intake_; }
    [[nodiscard]] metrics::Registry& registry() const noexcept;
    [[nodiscard]] ListenerCells& cells(const Listener& listener) noexcept;
    [[nodiscard]] Listeners& listeners() const noexcept;
    [[nodiscard]] Nanoseconds wall() const noexcept;
    /// Wall time at the beginning of the present read: the arrival time of everything in it.
    [[nodiscard]] Nanoseconds arrival() const noexcept { return arrival_; }
    /// Monotonic time, as of the beginning of the present turn.
    [[nodiscard]] Nanoseconds now() const noexcept { return now_; }
    [[nodiscard]] bool draining() const noexcept { return draining_; }
    /// Connections hold so much memory that new clients are not taken.
    [[nodiscard]] bool crowded() const noexcept;
    /// The connection of that slot and generation, or null when it is gone.
    [[nodiscard]] Connection* find(std::uint32_t slot, std::uint32_t generation) noexcept;
    /// Hands a connection over to another shard, with its socket, TLS state and kept bytes, once
    /// the callback under way has returned; then calls `arrived` there with the connection in its
    /// new place. The connection must have nothing in flight and is held (kHoldProtocol) until
    /// `arrived` releases it.
    void move(Connection& connection, ShardId target, std::function<void(Connection&)> arrived);
    /// Runs `work` as a turn: what it queues is sent when it returns. On this shard's thread; work
    /// that comes from elsewhere gets here through Shards::post and Listeners::shard().
    void run(const std::function<void()>& work);
    /// Submits a last message of a connection that is gone, as soon as the intake takes it. At most
    /// 65,536 wait; more are dropped and counted.
    void submit_later(const Message& message);

    [[nodiscard]] std::size_t connections() const noexcept;

private:
    friend class Connection;
    struct State;

    template <class Work>
    void turn(Work&& work);
    void events();
    void tick();
    void bring_durable(std::span<const Ticket> tickets);
    void bring_room();
    void settle();
    void end_connections();
    void shed_connections();
    void move_connections();
    void adopt(
        std::unique_ptr<Connection> connection, const std::function<void(Connection&)>& arrived
    );
    void submit_waiting();
    void check_drained();

    void watch_acceptors();
    void stop_accepting();
    void accept_some(std::size_t index);
    void welcome(Socket socket, const Peer& peer, std::size_t index);
    Connection& seat(std::unique_ptr<Connection> connection);
    std::unique_ptr<Connection> unseat(std::uint32_t slot);

    // For Connection.
    void schedule(Connection& connection);
    void queue_go_on(Connection& connection);
    void handshake_over(const Listener& listener);

    ShardId id_;
    Shards& shards_;
    Intake& intake_;
    Nanoseconds arrival_ = 0;
    Nanoseconds now_ = 0;
    bool draining_ = false;
    std::unique_ptr<State> state_;
};

}  // namespace penstock::ingest

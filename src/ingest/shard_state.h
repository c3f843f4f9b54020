#pragma once

#include "base/metrics.h"
#include "ingest/readiness.h"
#include "ingest/shard_listeners.h"
#include "ingest/timer_wheel.h"

#include <sys/epoll.h>

#include <array>
#include <deque>
#include <string>
#include <vector>

namespace penstock::ingest {

/// What a shard's listeners are made of. Private to shard_listeners.cpp and connection.cpp.
/// Threads: owning shard.
struct ShardListeners::State {
    using Ref = TimerWheel::Entry;

    struct Slot {
        std::unique_ptr<Connection> connection;
        std::uint32_t generation = 1;
        std::uint32_t next_free = kNone;
    };
    struct Acceptor {
        Listener* listener = nullptr;
        std::uint32_t handshakes = 0;
        bool watched = false;
        bool starved = false;  // out of descriptors or memory: tried again at the next tick
    };
    struct Move {
        Ref who;
        ShardId target;
        std::function<void(Connection&)> arrived;
    };
    /// A message that owns its bytes.
    struct Later {
        Message message;
        std::string client_id;
        std::string topic;
        std::vector<char> payload;  // kPayloadPadding bytes longer than message.payload
    };

    static constexpr std::uint32_t kNone = 0xffffffff;
    static constexpr std::uint64_t kAcceptorTag = 0xffffffff00000000;
    static constexpr std::size_t kFrontRoom =
        kReadBytes;  // a kept beginning up to this size is put before fresh bytes
    /// While there is no room for records a read is for PINGREQ and its like: what else comes has
    /// to be kept, for each connection.
    static constexpr std::size_t kBusyReadBytes = 1024;
    static constexpr std::size_t kLaterMax = 65'536;
    static constexpr std::size_t kLaterBytesMax = 64 << 20;
    static constexpr Nanoseconds kLinger = 2 * kSecond;

    State(boost::asio::io_context& io, Listeners& all, ShardListeners& owner);

    [[nodiscard]] std::span<std::byte> read_area() noexcept {
        return std::span(buffer).subspan(kFrontRoom, kReadBytes);
    }
    [[nodiscard]] static std::uint64_t tag(Ref ref) noexcept {
        return std::uint64_t{ref.generation} << 32 | ref.slot;
    }
    [[nodiscard]] std::uint32_t tick_of(Nanoseconds time) const noexcept {
        return time <= began ? 0 : static_cast<std::uint32_t>((time - began) / kTick) + 1;
    }

    [[nodiscard]] static std::size_t size_of(const Message& message) noexcept {
        return message.topic.size() + message.client_id.size() + message.payload.size();
    }

    Listeners& listeners;
    Readiness readiness;
    Nanoseconds began;
    TimerWheel wheel;
    std::vector<std::byte> buffer =
        std::vector<std::byte>(kFrontRoom + kReadBytes + kPayloadPadding);
    std::vector<Slot> slots;
    std::uint32_t free_slot = kNone;
    std::size_t open = 0;
    std::vector<Acceptor> acceptors;  // by Listener::index()
    std::vector<std::unique_ptr<ListenerCells>> cells;
    metrics::Counter& dropped_later;
    metrics::Gauge& held;

    std::vector<Ref> to_flush;
    std::vector<Ref> to_go_on;
    std::vector<Ref> to_end;
    std::vector<Move> to_move;
    std::deque<Ref> waiting;      // for room, in turn
    bool busy = false;            // somebody has waited since room came last
    std::size_t held_bytes = 0;   // by connections, for the beginnings of packets and for answers
    std::size_t held_before = 0;  // when `held` was told
    std::deque<Later> later;
    std::size_t later_bytes = 0;

    bool in_turn = false;
    bool room_came = false;            // during a turn
    std::vector<Ticket> durable_came;  // during a turn

    Nanoseconds drain_until = 0;
    std::function<void()> drained;
};

}  // namespace penstock::ingest

#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/sink.h"
#include "sinks/stream/nats_config.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// Messages on their way to a link, in one piece of memory.
struct NatsBatch {
    struct Item {
        Lsn lsn;
        Lsn before;  // the message that must stand last in the stream; 0: any may
        std::size_t subject = 0;
        std::size_t value = 0;  // both end with a NUL, which is not part of them
        std::size_t size = 0;   // of the value
    };
    std::string bytes;
    std::vector<Item> items;

    void add(Lsn lsn, Lsn before, std::string_view subject, std::string_view value);
};

/// What became of a message.
struct NatsAck {
    Lsn lsn;
    bool stored = false;
    bool refused = false;  // for good: it is too large
    SinkFailure failure;   // when neither
    std::string reason;    // when refused
};

/// One connection, on a thread of its own: the library waits where it likes, its owner never does.
/// Life: open() -> connecting -> ready -> over (for good; the reason is in failure()).
///
/// Message ids are `<journal>-<lsn>`: the server drops what it has seen within the stream's
/// duplicate window and confirms it again.
///
/// Threads: owner.
class NatsLink {
public:
    enum class State : std::uint8_t { connecting, ready, over };

    [[nodiscard]] static std::shared_ptr<NatsLink> open(
        const NatsConfig& config, const std::string& journal
    );
    NatsLink(const NatsLink&) = delete;
    NatsLink& operator=(const NatsLink&) = delete;
    ~NatsLink();

    [[nodiscard]] State state() const;
    /// Why it is over.
    [[nodiscard]] SinkFailure failure() const;
    /// Hands messages over, in order. Takes the batch's content, leaves an empty one.
    void send(NatsBatch& batch);
    /// What was confirmed or failed since the last call; waits at most `wait` for some, or for a
    /// change of the state.
    void acks(std::vector<NatsAck>& out, Nanoseconds wait);
    /// Ends it without waiting: its thread closes the connection and goes.
    void close();
    /// Waits at most `wait` until that thread has gone.
    [[nodiscard]] bool gone(Nanoseconds wait) const;

private:
    friend class NatsLinks;
    struct Shared;
    explicit NatsLink(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

    std::shared_ptr<Shared> shared_;
};

}  // namespace penstock::sinks

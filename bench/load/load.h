#pragma once

#include "channel.h"
#include "histogram.h"
#include "message.h"
#include "options.h"
#include "protocol.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace load {

/// Many devices on one thread. Read run() first.
///
/// Closed loop: each connection has at most `window` messages unacknowledged and sends `k` more, in
/// one write, as soon as there is room. Open loop: `rate` events a second in all, in groups of `k`,
/// to one connection after the other; a message that may not be sent yet (window, connection down)
/// waits. Latency counts from the moment a message was due, so that a server that stalls is not
/// forgiven the messages it kept from being sent.
/// Threads: owner.
class Load {
public:
    explicit Load(const Options& options);
    /// Connects, loads, and prints one line of JSON (with --idle: one whenever all are connected).
    void run();

private:
    enum class State { away, establishing, greeting, ready };
    struct Owed {
        std::int64_t due = 0;
        std::int64_t number = 0;  // of its first event, from 0
        std::uint32_t message = 0;
        std::uint16_t id = 0;
        bool sent_before = false;
    };
    struct Peer {
        Channel channel;
        State state = State::away;
        std::uint32_t next_message = 0;
        std::uint16_t next_id = 0;
        std::size_t outstanding = 0;  // the first so many of `owed` are sent
        std::deque<Owed> owed;        // not acknowledged, oldest first
        std::string unsent;
        std::size_t unsent_at = 0;
        std::string input;
        std::int64_t away_since = 0;
    };

    // Connections
    void connect_all();
    void start_some();
    void begin(std::size_t i);
    void establish(std::size_t i);
    void greeted(std::size_t i, int code);
    void ready(std::size_t i);
    void lost(std::size_t i, const char* why);

    // Messages
    void owe(Peer& peer, std::int64_t due);
    void fill(std::size_t i);
    void pace();
    void pump(std::size_t i);
    void encode(Peer& peer, Owed& owed);
    void flush(std::size_t i);
    void read(std::size_t i);
    void take(std::size_t i, const Answer& answer);
    void acknowledged(Peer& peer, std::int64_t now);

    void poll();
    [[nodiscard]] std::int64_t wait_ns() const;
    void turn(std::size_t i);
    void idle();
    void drive();
    void barrier();
    void write_ledger() const;

    Options o_;
    std::vector<Message> messages_;
    std::unique_ptr<TlsContext> tls_;
    std::vector<Peer> peers_;
    int epoll_ = -1;
    bool mqtt_;
    bool driving_ = false;

    std::deque<std::size_t> to_start_;
    std::deque<std::pair<std::int64_t, std::size_t>> resting_;  // until when, who
    int connecting_ = 0;
    std::size_t ready_ = 0;
    long turned_away_ = 0;  // connections refused by the server
    long lost_ = 0;         // connections that ended
    Histogram connect_;
    std::int64_t epoch_ = 0;  // when the load began, monotonic
    std::int64_t wall_ = 0;   // microseconds since 1970 at epoch_

    std::size_t turn_ = 0;     // open loop: whose turn it is
    std::int64_t events_ = 0;  // given out
    std::int64_t acked_ = 0;
    std::int64_t refused_ = 0;
    std::int64_t never_sent_ = 0;
    std::int64_t pongs_ = 0;
    std::int64_t progress_ = 0;  // when something was acknowledged last
    Histogram latency_;
    std::vector<char> ledger_;
};

}  // namespace load

#pragma once

#include "penstock/clock.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <atomic>
#include <cstdint>
#include <functional>

namespace penstock::app {

/// The event loop of one shard: handlers run, then one turn moves what they left behind (batches to
/// the journal, records to other shards, acknowledgements to connections). When neither had
/// anything to do it sleeps until something comes, or, under a load that makes it worth while, for
/// a fixed time (a rest), and then finds all that has come. Threads: its own thread, except wake()
/// and post(), which any thread may call.
class Loop {
public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }

    /// Runs until stop(). `turn` returns true when it moved something. `rest`: how long to rest now
    /// that there is nothing to do; 0: not at all.
    void run(const std::function<bool()>& turn, const std::function<Nanoseconds()>& rest);
    /// Ends run() after the turn or the rest under way. Any thread.
    void stop();

    /// Makes a sleeping loop take a turn; one that rests takes it when the rest is over. Costs one
    /// atomic exchange while the loop is awake or rests.
    void wake() noexcept;
    /// Runs `work` on the loop's thread, soon.
    void post(std::function<void()> work);

private:
    void listen();

    /// Handlers between two turns: bounds how long records wait for their hand-over.
    static constexpr int kHandlersPerTurn = 256;

    boost::asio::io_context io_;
    boost::asio::posix::stream_descriptor event_;
    std::uint64_t drained_ = 0;
    std::atomic<bool> sleeping_{false
    };  // set by the loop before its last look, taken back by whoever wakes it
    std::atomic<bool> stopping_{false};  // set by stop(), read by the loop
};

}  // namespace penstock::app

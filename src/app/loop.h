#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <atomic>
#include <cstdint>
#include <functional>

namespace penstock::app {

/// The event loop of one shard: handlers run, then one turn moves what they left behind (batches to
/// the journal, records to other shards, acknowledgements to connections). It sleeps only when
/// neither had anything to do. Threads: its own thread, except wake() and post(), which any thread
/// may call.
class Loop {
public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }

    /// Runs until stop(). `turn` returns true when it moved something.
    void run(const std::function<bool()>& turn);
    /// Ends run() after the turn under way. Any thread.
    void stop();

    /// Makes a sleeping loop take a turn. Costs one atomic exchange while the loop is awake.
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

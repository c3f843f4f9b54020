#include "app/loop.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ctime>
#include <utility>

namespace penstock::app {

Loop::Loop() : io_(1), event_(io_, ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    listen();
}

Loop::~Loop() = default;

void Loop::listen() {
    event_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const auto& error) {
        if (error) return;
        // The count does not matter: the turn looks everywhere.
        [[maybe_unused]] const auto n = ::read(event_.native_handle(), &drained_, sizeof drained_);
        listen();
    });
}

void Loop::run(const std::function<bool()>& turn, const std::function<Nanoseconds()>& rest) {
    while (!stopping_.load(std::memory_order_acquire)) {
        int handled = 0;
        while (handled < kHandlersPerTurn && io_.poll_one() != 0)
            ++handled;
        if (turn() || handled != 0) continue;
        if (const Nanoseconds time = rest(); time > 0) {
            // Whoever wakes us meanwhile need not: this ends by itself.
            const timespec span{time / kSecond, time % kSecond};
            ::clock_nanosleep(CLOCK_MONOTONIC, 0, &span, nullptr);
            continue;
        }
        sleeping_.store(true, std::memory_order_seq_cst);
        // Whatever was put into a ring before the store is seen by this turn; whatever comes after
        // it finds the loop asleep and writes the event.
        if (!turn() && !stopping_.load(std::memory_order_acquire)) io_.run_one();
        sleeping_.store(false, std::memory_order_relaxed);
    }
}

void Loop::stop() {
    stopping_.store(true, std::memory_order_release);
    boost::asio::post(io_, [] {});
}

void Loop::wake() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!sleeping_.load(std::memory_order_relaxed)) return;
    if (!sleeping_.exchange(false, std::memory_order_acq_rel)) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(event_.native_handle(), &one, sizeof one);
}

void Loop::post(std::function<void()> work) {
    boost::asio::post(io_, std::move(work));
}

}  // namespace penstock::app

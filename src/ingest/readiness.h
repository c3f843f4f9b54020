#pragma once

#include "ingest/transport.h"
#include "penstock/clock.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

struct epoll_event;  // NOLINT(readability-identifier-naming): the system's name

namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming): Asio's name
}

namespace penstock::ingest {

/// Tells which of many descriptors are ready: an epoll set (level-triggered) that stands in an
/// io_context as a single descriptor. So an idle connection costs Asio nothing, and one wake-up
/// finds all that are ready. Threads: the io_context's thread.
class Readiness {
public:
    /// `ready` runs when something is ready after arm(), or after soon(); `tick` runs every
    /// `period`.
    Readiness(
        boost::asio::io_context& io,
        std::function<void()> ready,
        std::function<void()> tick,
        Nanoseconds period
    );
    ~Readiness();
    Readiness(const Readiness&) = delete;
    Readiness& operator=(const Readiness&) = delete;

    /// `events`: EPOLLIN, EPOLLOUT. `tag` comes back with what is ready. False: the system has no
    /// room for it.
    [[nodiscard]] bool add(int fd, std::uint32_t events, std::uint64_t tag) noexcept;
    void change(int fd, std::uint32_t events, std::uint64_t tag) noexcept;
    void remove(int fd) noexcept;

    /// What is ready now, at most `events.size()`; never waits.
    [[nodiscard]] std::size_t collect(std::span<epoll_event> events) noexcept;
    /// Calls `ready` once, when something is.
    void arm();
    /// Calls `ready` once more, behind what the loop has to do already.
    void soon();
    void start_ticking();

private:
    struct State;
    std::shared_ptr<State> state_;  // handlers under way hold it too
};

}  // namespace penstock::ingest

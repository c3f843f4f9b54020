#include "ingest/readiness.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <sys/epoll.h>

#include <chrono>
#include <utility>

namespace penstock::ingest {
namespace {

using Executor = boost::asio::io_context::executor_type;
using Descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;
using Ticker = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock,
    boost::asio::wait_traits<std::chrono::steady_clock>,
    Executor>;

}  // namespace

struct Readiness::State : std::enable_shared_from_this<Readiness::State> {
    State(
        boost::asio::io_context& io,
        std::function<void()> on_ready,
        std::function<void()> on_tick,
        Nanoseconds every
    )
        : ready(std::move(on_ready)),
          tick(std::move(on_tick)),
          period(every),
          set(io.get_executor(), ::epoll_create1(EPOLL_CLOEXEC)),
          ticker(io.get_executor()) {}

    void wait() {
        set.async_wait(Descriptor::wait_read, [self = shared_from_this()](const auto& error) {
            self->armed = false;
            if (!error && self->alive) self->ready();
        });
    }

    void wait_for_tick() {
        ticker.expires_after(std::chrono::nanoseconds(period));
        ticker.async_wait([self = shared_from_this()](const auto& error) {
            if (error || !self->alive) return;
            self->tick();
            if (self->alive) self->wait_for_tick();
        });
    }

    std::function<void()> ready;
    std::function<void()> tick;
    Nanoseconds period;
    Descriptor set;
    Ticker ticker;
    bool posted = false;
    bool armed = false;
    bool alive = true;
};

Readiness::Readiness(
    boost::asio::io_context& io,
    std::function<void()> ready,
    std::function<void()> tick,
    Nanoseconds period
)
    : state_(std::make_shared<State>(io, std::move(ready), std::move(tick), period)) {}

Readiness::~Readiness() {
    state_->alive = false;
    boost::system::error_code ignored;
    state_->set.close(ignored);
    state_->ticker.cancel();
}

bool Readiness::add(int fd, std::uint32_t events, std::uint64_t tag) noexcept {
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.u64 = tag;
    return ::epoll_ctl(state_->set.native_handle(), EPOLL_CTL_ADD, fd, &wanted) == 0;
}

void Readiness::change(int fd, std::uint32_t events, std::uint64_t tag) noexcept {
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.u64 = tag;
    ::epoll_ctl(state_->set.native_handle(), EPOLL_CTL_MOD, fd, &wanted);
}

void Readiness::remove(int fd) noexcept {
    ::epoll_ctl(state_->set.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
}

std::size_t Readiness::collect(std::span<epoll_event> events) noexcept {
    const int n = ::epoll_wait(
        state_->set.native_handle(), events.data(), static_cast<int>(events.size()), 0
    );
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

void Readiness::arm() {
    // After soon() the wait of the turn before still stands.
    if (!std::exchange(state_->armed, true)) state_->wait();
}

void Readiness::soon() {
    if (std::exchange(state_->posted, true)) return;
    boost::asio::post(state_->set.get_executor(), [self = state_] {
        self->posted = false;
        if (self->alive) self->ready();
    });
}

void Readiness::start_ticking() {
    state_->wait_for_tick();
}

}  // namespace penstock::ingest

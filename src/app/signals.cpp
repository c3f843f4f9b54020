#include "app/signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

namespace penstock::app {

Signals::Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&set, number);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signals_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    event_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    std::signal(SIGPIPE, SIG_IGN);
}

Signals::~Signals() {
    ::close(signals_);
    ::close(event_);
}

Signals::Event Signals::wait(Nanoseconds bound) {
    pollfd watched[2] = {{signals_, POLLIN, 0}, {event_, POLLIN, 0}};
    if (::poll(watched, 2, static_cast<int>(bound / kMillisecond)) <= 0) return Event::none;
    std::uint64_t count = 0;
    if (::read(event_, &count, sizeof count) == sizeof count) return Event::interrupted;
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) != sizeof info) return Event::none;
    return info.ssi_signo == SIGHUP ? Event::reload : Event::stop;
}

void Signals::interrupt() const noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(event_, &one, sizeof one);
}

}  // namespace penstock::app

#pragma once

#include "penstock/clock.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::app {

/// Tells systemd how the service fares: sd_notify(3), one datagram of NAME=VALUE lines to
/// $NOTIFY_SOCKET. Own code in place of libsystemd: one call of sendto() is all that is needed of
/// it, and the library would bring four others into every image.
///
/// Without $NOTIFY_SOCKET nothing is sent. A message that the manager does not take at once is
/// dropped: nothing here waits for it. (A lost READY=1 ends in its start time-out, a lost
/// WATCHDOG=1 is made up for by the next.)
/// Threads: owner.
class ServiceManager {
public:
    using Environment = std::function<std::optional<std::string>(const std::string& name)>;
    /// Looks at NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
    explicit ServiceManager(const Environment& environment);
    /// ... of the process.
    ServiceManager();
    ~ServiceManager();
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;

    /// All parts take part: start, or reload, is done.
    void ready(std::string_view status) const;
    /// A reload begins at `now` (monotonic); ready() ends it, whatever came of it.
    void reloading(Nanoseconds now) const;
    void stopping(std::string_view status) const;
    /// One line for `systemctl status`.
    void status(std::string_view status) const;
    /// The service gets on with its work.
    void alive() const;

    /// How often alive() is to be said: a quarter of what the manager waits. Nothing: not at all.
    [[nodiscard]] std::optional<Nanoseconds> alive_every() const noexcept { return alive_every_; }

private:
    void send(std::string_view lines) const;

    std::string address_;  // of the socket; an abstract one begins with a zero byte
    int socket_ = -1;
    std::optional<Nanoseconds> alive_every_;
};

}  // namespace penstock::app

#pragma once

#include "penstock/clock.h"
#include "penstock/result.h"

namespace penstock::app {

/// Signals as something to wait for. Made before any thread, so that all threads have them blocked.
/// Threads: main, but for interrupt(), which any thread may call.
class Signals {
public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    enum class Event { none, stop, reload, interrupted };
    /// The next SIGTERM or SIGINT (stop), SIGHUP (reload) or interrupt(); none after `bound`.
    [[nodiscard]] Event wait(Nanoseconds bound);
    void interrupt() const noexcept;

private:
    int signals_;
    int event_;
};

}  // namespace penstock::app

#pragma once

#include "penstock/clock.h"
#include "sinks/stream/in_flight.h"

#include <cstddef>

namespace penstock::sinks {

/// Hands records over in bursts: all that came in a short while, then nothing until all of it is
/// confirmed.
///
/// The Kafka library does not sleep while messages are due that it may not send yet, because five
/// requests are on their way to their broker: it looks again and again, at the cost of half a core
/// when the broker is slow, and of a whole one when it hangs. A burst makes about one request to
/// each partition, and there is nothing behind it to look for. Threads: owner.
class Burst {
public:
    struct Bounds {
        Nanoseconds span = 0;  // how long one is open: less than the library waits for a batch
        std::size_t records = 0;
        std::size_t bytes = 0;
    };

    explicit Burst(const Bounds& bounds) : bounds_(bounds) {}

    /// May another record go? `oldest`: the first ticket that is not confirmed (InFlight::front()).
    [[nodiscard]] bool room(Nanoseconds now, InFlight::Ticket oldest) const noexcept {
        return end_ <= oldest || open(now);
    }

    /// A record went. Precondition: room().
    void add(
        Nanoseconds now, InFlight::Ticket ticket, InFlight::Ticket oldest, std::size_t bytes
    ) noexcept {
        if (end_ <= oldest) {
            since_ = now;
            records_ = 0;
            bytes_ = 0;
        }
        ++records_;
        bytes_ += bytes;
        end_ = ticket + 1;
    }

private:
    [[nodiscard]] bool open(Nanoseconds now) const noexcept {
        return now - since_ < bounds_.span && records_ < bounds_.records && bytes_ < bounds_.bytes;
    }

    Bounds bounds_;
    InFlight::Ticket end_ = 0;  // behind the last record of the newest burst
    Nanoseconds since_ = 0;
    std::size_t records_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace penstock::sinks

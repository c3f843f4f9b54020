#include "penstock/clock.h"

#include <ctime>

namespace penstock {
namespace {

Nanoseconds read(clockid_t id) noexcept {
    timespec t{};
    ::clock_gettime(id, &t);
    return t.tv_sec * kSecond + t.tv_nsec;
}

class SystemClock final : public Clock {
public:
    [[nodiscard]] Nanoseconds wall() const noexcept override { return read(CLOCK_REALTIME); }
    [[nodiscard]] Nanoseconds monotonic() const noexcept override { return read(CLOCK_MONOTONIC); }
};

}  // namespace

const Clock& system_clock() noexcept {
    static const SystemClock clock;
    return clock;
}

}  // namespace penstock

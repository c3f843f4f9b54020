#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace penstock::app::sim {

/// How often a simulated device misbehaves: probabilities per event, 0..1.
struct Faults {
    double bad_json = 0.005;      // a payload that breaks off
    double gap = 0.01;            // silence for some events
    double duplicate = 0.01;      // the same event once more
    double spike = 0.01;          // one reading far off
    double out_of_range = 0.005;  // a heart rate no body has
};

/// One event of a simulated device.
struct Event {
    std::string payload;
    int copies = 1;  // 0: the device stays silent, 2: it repeats itself
};

/// A wearable: heart rate wandering between 60 and 140, a step counter, an event time. The same
/// seed and index give the same events. Threads: one.
class Device {
public:
    Device(std::uint32_t index, std::uint64_t seed, const Faults& faults);

    [[nodiscard]] const std::string& id() const noexcept { return id_; }
    /// The event that is due at `now_ms` (Unix time).
    [[nodiscard]] Event next(std::int64_t now_ms);

private:
    [[nodiscard]] bool chance(double probability);

    std::string id_;
    Faults faults_;
    std::mt19937_64 dice_;
    double heart_rate_;
    std::uint64_t steps_ = 0;
    int silent_ = 0;  // events still left out
};

}  // namespace penstock::app::sim

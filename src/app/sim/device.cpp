#include "app/sim/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace penstock::app::sim {

Device::Device(std::uint32_t index, std::uint64_t seed, const Faults& faults)
    : id_(fmt::format("sim-{:04}", index)),
      faults_(faults),
      dice_(seed * 1'000'003 + index),
      heart_rate_(70 + static_cast<double>(index % 40)) {}

bool Device::chance(double probability) {
    return std::uniform_real_distribution<>(0, 1)(dice_) < probability;
}

Event Device::next(std::int64_t now_ms) {
    heart_rate_ = std::clamp(heart_rate_ + std::normal_distribution<>(0, 1.5)(dice_), 60.0, 140.0);
    steps_ += std::uniform_int_distribution<std::uint64_t>(0, 3)(dice_);
    if (silent_ > 0) {
        --silent_;
        return {.payload = {}, .copies = 0};
    }
    if (chance(faults_.gap)) silent_ = 5;

    double shown = std::round(heart_rate_);
    if (chance(faults_.spike)) shown = 185;
    if (chance(faults_.out_of_range)) shown = 400;
    Event event;
    event.payload = fmt::format(
        R"({{"deviceId":"{}","heartRate":{:.0f},"steps":{},"timestamp":{}}})",
        id_,
        shown,
        steps_,
        now_ms
    );
    if (chance(faults_.bad_json)) event.payload.resize(event.payload.size() / 2);
    if (chance(faults_.duplicate)) event.copies = 2;
    return event;
}

}  // namespace penstock::app::sim

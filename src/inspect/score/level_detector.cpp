#include "inspect/score/level_detector.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

namespace penstock::inspect {
namespace {

/// Persistent: never change it, make a new version.
struct State {
    double mean = 0;
    float variance = 0;
    std::uint16_t count_and_tally = 0;  // low 11 bits: values seen, up to the window; high 5: 2 up
                                        // for a clipped one, 1 down for others
    std::uint16_t reserved = 0;
};
static_assert(sizeof(State) == 16);
static_assert(std::is_trivially_copyable_v<State>);

constexpr unsigned kCountBits = 11;
constexpr unsigned kCountMax = (1U << kCountBits) - 1;
constexpr unsigned kTallyMax = 31;
constexpr double kNoDifference = 1e-9;

unsigned count_of(const State& state) noexcept {
    return state.count_and_tally & kCountMax;
}

void set_count(State& state, unsigned count, unsigned tally) noexcept {
    state.count_and_tally = static_cast<std::uint16_t>(count | (tally << kCountBits));
}

State load(std::span<const std::byte> bytes) noexcept {
    State state;
    std::memcpy(&state, bytes.data(), sizeof state);
    return state;
}

void store(const State& state, std::span<std::byte> bytes) noexcept {
    std::memcpy(bytes.data(), &state, sizeof state);
}

/// How sure it is that a value is unusual whose square of deviations is `square / variance`.
double unusual(double square, double variance) noexcept {
    if (square <= variance) return 0;
    const double ratio = variance / square;
    return square * 3 >= variance * 8 ? 1 - ratio * 4 / 9 : 1 - (ratio * 4 / 3 - 1.0 / 3);
}

Judgement judge_by(const State& state, double difference) noexcept {
    Judgement said;
    said.known = true;
    said.expected = state.mean;
    said.difference = difference;
    said.variance = static_cast<double>(state.variance);
    if (state.variance > 0) {
        said.value = unusual(difference * difference, said.variance);
    } else if (difference != 0) {
        said.value = 1 - 2 / (count_of(state) + 2.0);
    }
    return said;
}

State fresh(double value) noexcept {
    State state;
    state.mean = value;
    set_count(state, 1, 0);
    return state;
}

void learn(State& state, double difference, const Tuning& tuning) noexcept {
    constexpr double kClipSquare = LevelDetector::kClip * LevelDetector::kClip;
    const unsigned count = count_of(state);
    const auto variance = static_cast<double>(state.variance);
    unsigned tally = state.count_and_tally >> kCountBits;
    const bool far = difference * difference > kClipSquare * variance;
    if (far && variance > 0 && count >= tuning.warm_up) {
        difference = std::copysign(LevelDetector::kClip * std::sqrt(variance), difference);
        tally = std::min(tally + 2, kTallyMax);
    } else if (tally > 0) {
        --tally;
    }
    const double weight = 1.0 / std::min<unsigned>(count + 1, tuning.window);
    state.mean += weight * difference;
    state.variance =
        static_cast<float>((1 - weight) * (variance + weight * difference * difference));
    set_count(state, std::min<unsigned>({count + 1, tuning.window, kCountMax}), tally);
}

}  // namespace

std::size_t LevelDetector::state_size() const noexcept {
    return sizeof(State);
}

void LevelDetector::start(std::span<std::byte> state) const noexcept {
    store(State{}, state);
}

bool LevelDetector::valid(std::span<const std::byte> bytes) const noexcept {
    if (bytes.size() != sizeof(State)) return false;
    const State state = load(bytes);
    return std::isfinite(state.mean) && std::isfinite(state.variance) && state.variance >= 0 &&
           state.reserved == 0;
}

Judgement LevelDetector::judge(
    std::span<std::byte> bytes, const Tuning& tuning, double value, Nanoseconds /*event_time*/
) const noexcept {
    // In place: a copy would have to be put together and taken apart again for every value.
    auto& state = *reinterpret_cast<State*>(bytes.data());
    Judgement said;
    const unsigned count = count_of(state);
    double difference = value - state.mean;
    if (std::abs(difference) <= kNoDifference * std::abs(state.mean)) difference = 0;
    if (count >= tuning.warm_up && std::isfinite(difference)) said = judge_by(state, difference);
    if (count == 0) {
        state = fresh(value);
    } else {
        learn(state, difference, tuning);
    }
    const bool moved = (state.count_and_tally >> kCountBits) >= 2 * kRestart;
    if (moved || !std::isfinite(state.mean) || !std::isfinite(state.variance)) state = fresh(value);
    return said;
}

}  // namespace penstock::inspect

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

/// How sure it is that a value so many deviations out is unusual.
double unusual(double z) noexcept {
    const double square = z * z;
    if (square >= 8.0 / 3) return 1 - 4 / (9 * square);
    if (square <= 1) return 0;
    return 1 - (4 / (3 * square) - 1.0 / 3);
}

Judgement judge_by(const State& state, double difference, double spread) noexcept {
    Judgement said;
    said.known = true;
    said.expected = state.mean;
    if (spread > 0) {
        said.deviation = difference / spread;
        said.value = unusual(said.deviation);
    } else if (difference != 0) {
        const double seen = count_of(state);
        said.value = 1 - 2 / (seen + 2);
        said.deviation = std::copysign(seen, difference);
    }
    return said;
}

State fresh(double value) noexcept {
    State state;
    state.mean = value;
    set_count(state, 1, 0);
    return state;
}

void learn(State& state, double difference, double spread, const Tuning& tuning) noexcept {
    const unsigned count = count_of(state);
    unsigned tally = state.count_and_tally >> kCountBits;
    const double limit = LevelDetector::kClip * spread;
    if (count >= tuning.warm_up && spread > 0 && std::abs(difference) > limit) {
        difference = std::copysign(limit, difference);
        tally = std::min(tally + 2, kTallyMax);
    } else if (tally > 0) {
        --tally;
    }
    const double weight = 1.0 / std::min<double>(count + 1.0, tuning.window);
    state.mean += weight * difference;
    const double variance =
        (1 - weight) * (static_cast<double>(state.variance) + weight * difference * difference);
    state.variance = static_cast<float>(variance);
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
    State state = load(bytes);
    Judgement said;
    const unsigned count = count_of(state);
    double difference = value - state.mean;
    if (std::abs(difference) <= kNoDifference * std::abs(state.mean)) difference = 0;
    const double spread = std::sqrt(static_cast<double>(state.variance));
    if (count >= tuning.warm_up && std::isfinite(difference))
        said = judge_by(state, difference, spread);
    if (count == 0) {
        state = fresh(value);
    } else {
        learn(state, difference, spread, tuning);
    }
    const bool moved = (state.count_and_tally >> kCountBits) >= 2 * kRestart;
    if (moved || !std::isfinite(state.mean) || !std::isfinite(state.variance)) state = fresh(value);
    store(state, bytes);
    return said;
}

}  // namespace penstock::inspect

#include "inspect/score/level_detector.h"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

using namespace penstock::inspect;

namespace {

/// One metric under watch.
class Watch {
public:
    explicit Watch(Tuning tuning = {}) : tuning_(tuning) { detector_.start(state_); }

    Judgement sees(double value) {
        const Judgement said = detector_.judge(state_, tuning_, value, 0);
        REQUIRE(std::isfinite(said.value));
        REQUIRE(said.value >= 0);
        REQUIRE(said.value <= 1);
        REQUIRE_FALSE(std::isnan(said.deviation()));
        REQUIRE(detector_.valid(state_));
        return said;
    }
    void sees_noise(int times, double level, double deviation) {
        std::normal_distribution<double> noise(level, deviation);
        for (int i = 0; i < times; ++i)
            (void)sees(noise(random_));
    }
    alignas(8) std::array<std::byte, 16> state_{};

private:
    LevelDetector detector_;
    Tuning tuning_;
    std::mt19937 random_{11};
};

}  // namespace

TEST_CASE("nothing is said before the warm-up is over", "[inspect][score]") {
    Watch watch({300, 10});
    for (int i = 0; i < 10; ++i) {
        const Judgement said = watch.sees(i == 5 ? 1e6 : 20);
        CHECK_FALSE(said.known);
        CHECK(said.value == 0);
    }
    CHECK(watch.sees(20).known);
}

TEST_CASE(
    "a usual value scores low, one far out high, in between by the inequality", "[inspect][score]"
) {
    Watch watch({300, 30});
    watch.sees_noise(300, 100, 2);
    const auto copy = watch.state_;
    const auto score = [&](double value) {
        watch.state_ = copy;
        return watch.sees(value);
    };
    CHECK(score(100.5).value == 0);
    CHECK(score(130).value > 0.99);
    CHECK(score(100).expected == Approx(100).margin(0.6));
    const Judgement said = score(110);
    CHECK(said.deviation() == Approx(5).margin(1));
    CHECK(said.value == Approx(1 - 4 / (9 * said.deviation() * said.deviation())));
    CHECK(score(90).deviation() == Approx(-5).margin(1));
    CHECK(score(103).value < score(105).value);
}

TEST_CASE("a constant series gives neither NaN nor a score that never ends", "[inspect][score]") {
    Watch watch;
    for (int i = 0; i < 500; ++i)
        CHECK(watch.sees(36.6).value == 0);
    CHECK(watch.sees(36.6 * (1 + 1e-12)).value == 0);
    CHECK(watch.sees(36.7).value > 0.99);
    int unusual = 0;
    for (int i = 0; i < 1'000; ++i)
        unusual += watch.sees(i % 2 == 0 ? 36.7 : 36.6).value > 0.9 ? 1 : 0;
    CHECK(unusual < 100);
    CHECK(watch.sees(36.7).value < 0.5);
}

TEST_CASE("a spike does not change what is usual", "[inspect][score]") {
    Watch watch;
    watch.sees_noise(400, 70, 3);
    const Judgement before = watch.sees(70);
    CHECK(watch.sees(1e9).value > 0.999);
    const Judgement after = watch.sees(100);
    CHECK(after.expected == Approx(before.expected).margin(0.1));
    CHECK(after.value > 0.98);
}

TEST_CASE("a level that has moved for good is learned", "[inspect][score]") {
    Watch watch;
    watch.sees_noise(400, 70, 3);
    CHECK(watch.sees(200).value > 0.99);
    watch.sees_noise(100, 200, 3);
    CHECK(watch.sees(200).value < 0.5);
    CHECK(watch.sees(70).value > 0.99);
}

TEST_CASE("numbers at the end of the range are survived", "[inspect][score]") {
    Watch watch({20, 5});
    constexpr double kMax = std::numeric_limits<double>::max();
    for (int i = 0; i < 200; ++i) {
        const std::array<double, 6> values{kMax, -kMax, 0.0, 1e-320, -1e200, 1.0};
        (void)watch.sees(values[static_cast<std::size_t>(i * 7 % 6)]);
    }
}

TEST_CASE("any bytes that pass for a state can be worked with", "[inspect][score][M21]") {
    std::mt19937_64 random(5);
    const LevelDetector detector;
    int taken = 0;
    for (int i = 0; i < 20'000; ++i) {
        Watch watch({300, 30});
        const std::array<std::uint64_t, 2> words{random(), random() & 0x0000ffffffffffffU};
        std::memcpy(watch.state_.data(), words.data(), sizeof words);
        if (!detector.valid(watch.state_)) continue;
        ++taken;
        for (const double value : {0.0, 1e300, -5.0})
            (void)watch.sees(value);
    }
    CHECK(taken > 1'000);
}

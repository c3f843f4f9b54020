#include "app/simulation/world.h"
#include "support/captured_log.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>

/// The node in one thread (R9): seeds decide what happens and what goes wrong (T4). A seed that
/// fails is replayed bit for bit:
///
///     PENSTOCK_SIM_SEED=17 PENSTOCK_SIM_SEEDS=1 test_app "[simulation]"
///
/// PENSTOCK_SIM_SEEDS: how many seeds, from PENSTOCK_SIM_SEED on (default 60, from 1).
/// PENSTOCK_SIM_STEPS: what happens to each before everything is mended (default 3000).
namespace penstock::simulation {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return text == nullptr ? otherwise : std::stoull(text);
}

TEST_CASE(
    "simulation: whatever happens, what was acknowledged arrives everywhere", "[simulation][T4]"
) {
    const test::CapturedLog quiet(1);  // what happens on purpose is not to be read
    const auto first = from_environment("PENSTOCK_SIM_SEED", 1);
    const auto seeds = from_environment("PENSTOCK_SIM_SEEDS", 60);
    const auto steps = from_environment("PENSTOCK_SIM_STEPS", 3000);
    std::uint64_t acknowledged = 0;
    std::uint64_t restarts = 0;
    Nanoseconds simulated = 0;
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
        INFO("PENSTOCK_SIM_SEED=" << seed << " PENSTOCK_SIM_SEEDS=1 PENSTOCK_SIM_STEPS=" << steps);
        World world(seed);
        REQUIRE(world.run(steps) == "");
        acknowledged += world.acknowledged();
        restarts += world.restarts();
        simulated += world.simulated();
    }
    std::cout << seeds << " seeds from " << first << ": " << acknowledged << " acknowledged, "
              << restarts << " restarts, " << simulated / kSecond << " s simulated\n";
    CHECK(acknowledged > 0);
}

TEST_CASE("simulation: a seed replays bit for bit", "[simulation][T4][R9]") {
    const test::CapturedLog quiet(1);  // what happens on purpose is not to be read
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        World once(seed);
        World again(seed);
        REQUIRE(once.run(2000) == "");
        REQUIRE(again.run(2000) == "");
        CHECK(once.trace() == again.trace());
    }
    World one(1);
    World other(2);
    REQUIRE(one.run(500) == "");
    REQUIRE(other.run(500) == "");
    CHECK(one.trace() != other.trace());
}

}  // namespace
}  // namespace penstock::simulation

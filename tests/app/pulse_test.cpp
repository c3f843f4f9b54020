#include "app/pulse.h"

#include "app/loop.h"

#include <catch2/catch.hpp>

#include <future>
#include <thread>

using namespace penstock;
using app::Loop;
using app::Pulse;

namespace {

struct TwoShards final : Shards {
    Loop loops[2];

    std::uint32_t count() const noexcept override { return 2; }
    void post(ShardId shard, std::function<void()> work) override {
        loops[shard.value].post(std::move(work));
    }
};

void run_through(Loop& loop) {
    std::promise<void> passed;
    loop.post([&passed] { passed.set_value(); });
    passed.get_future().get();
}

}  // namespace

TEST_CASE("pulse: beats when every shard has answered", "[app][pulse]") {
    TwoShards shards;
    auto& loops = shards.loops;
    std::jthread threads[2];
    for (int i = 0; i < 2; ++i)
        threads[i] = std::jthread([&loop = loops[i]] {
            loop.run([] { return false; }, [] { return Nanoseconds{0}; });
        });
    Pulse pulse(shards);
    CHECK_FALSE(pulse.beat());  // nobody has been asked yet
    run_through(loops[0]);
    run_through(loops[1]);
    CHECK(pulse.beat());

    // One hangs in a handler: the other's answer is not enough.
    run_through(loops[0]);
    run_through(loops[1]);
    std::promise<void> release;
    loops[1].post([held = release.get_future().share()] { held.get(); });
    CHECK(pulse.beat());  // for what was before
    run_through(loops[0]);
    CHECK_FALSE(pulse.beat());
    CHECK_FALSE(pulse.beat());
    release.set_value();
    run_through(loops[1]);
    CHECK(pulse.beat());
    for (auto& loop : loops)
        loop.stop();
}

#include "base/worker_pool.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>

namespace penstock {

TEST_CASE("worker pool: every job is run once or dropped once", "[base][pool]") {
    std::atomic<int> run{0};
    std::atomic<int> dropped{0};
    int pushed = 0;
    {
        WorkerPool pool(2, 1000);
        for (int i = 0; i < 500; ++i) {
            if (pool.push({[&] { ++run; }, [&] { ++dropped; }})) ++pushed;
        }
    }
    CHECK(pushed == 500);
    CHECK(run + dropped == 500);
}

TEST_CASE("worker pool: says so when it is full or stopped", "[base][pool]") {
    std::promise<void> go;
    std::atomic<int> dropped{0};
    WorkerPool pool(1, 2);
    std::promise<void> started;
    const auto wait = go.get_future().share();
    const WorkerPool::Job block{[&, wait] { started.set_value(), wait.wait(); }, [] {}};
    const WorkerPool::Job idle{[] {}, [&] { ++dropped; }};
    REQUIRE(pool.push(WorkerPool::Job(block)));
    started.get_future().wait();
    CHECK(pool.push(WorkerPool::Job(idle)));
    CHECK(pool.push(WorkerPool::Job(idle)));
    CHECK_FALSE(pool.push(WorkerPool::Job(idle)));
    CHECK(pool.waiting() == 2);
    go.set_value();
    pool.stop();
    CHECK_FALSE(pool.push(WorkerPool::Job(idle)));
}

}  // namespace penstock

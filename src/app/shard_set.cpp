#include "app/shard_set.h"

#include "base/log.h"
#include "journal/journal.h"
#include "penstock/clock.h"

#include <fmt/format.h>
#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace penstock::app {
namespace {

/// Waits until so many have said that they are done. Shared, so that one who comes too late finds
/// it still there. Threads: any thread.
class Countdown {
public:
    explicit Countdown(std::size_t count) : left_(count) {}

    void one_done() {
        const std::lock_guard lock(mutex_);
        if (--left_ == 0) done_.notify_all();
    }
    bool wait(Nanoseconds bound) {
        std::unique_lock lock(mutex_);
        return done_.wait_for(lock, std::chrono::nanoseconds(bound), [this] { return left_ == 0; });
    }

private:
    std::mutex mutex_;  // guards left_
    std::condition_variable done_;
    std::size_t left_;
};

}  // namespace

ShardSet::ShardSet(
    std::uint32_t count,
    const std::shared_ptr<const inspect::Inspector>& inspector,
    std::uint64_t score_memory,
    Nanoseconds window,
    journal::Journal& journal,
    metrics::Registry& registry
)
    : links_(count) {
    for (std::uint32_t i = 0; i < count; ++i) {
        auto seat = std::make_unique<Seat>();
        seat->loop = std::make_unique<Loop>();
        seat->pace = Pace(window);
        auto devices = std::make_unique<inspect::DeviceTable>(
            inspector->metrics(), detector_, score_memory / count
        );
        seat->devices = devices.get();
        seat->shard = std::make_unique<Shard>(Shard::Parts{
            .id = {i},
            .inspector = inspector,
            .devices = std::move(devices),
            .appender = journal.appender({i}),
            .links = links_,
            .wake = [this](std::uint32_t other) { shards_[other]->loop->wake(); },
            .closed = closed_,
            .durable = [&journal] { return journal.durable(); },
            .first = journal.recovery().next,
            .registry = registry,
        });
        journal.set_waker({i}, [loop = seat->loop.get()] { loop->wake(); });
        shards_.push_back(std::move(seat));
    }
}

ShardSet::~ShardSet() {
    if (running_) drain(0);
    // Connections refer to each other's shards: all loops have stopped, so they may go one after
    // the other.
    for (auto& seat : shards_)
        seat->listeners.reset();
}

void ShardSet::listen(ingest::Listeners& listeners) {
    for (std::uint32_t i = 0; i < count(); ++i) {
        auto& seat = *shards_[i];
        seat.listeners = std::make_unique<ingest::ShardListeners>(
            seat.loop->io(), ShardId{i}, listeners, *seat.shard, *this
        );
    }
}

void ShardSet::start() {
    running_ = true;
    for (std::uint32_t i = 0; i < count(); ++i) {
        auto& seat = *shards_[i];
        seat.thread = std::thread([&seat, i] {
            ::pthread_setname_np(::pthread_self(), fmt::format("shard-{}", i).c_str());
            seat.listeners->start();
            seat.loop->run(
                [&seat] { return seat.shard->turn(); },
                [&seat] {
                    return seat.pace.rest(
                        system_clock().monotonic(),
                        seat.shard->seen(),
                        seat.listeners->connections()
                    );
                }
            );
        });
    }
}

bool ShardSet::wait_settled(Nanoseconds deadline) {
    // Settled means: two looks at all shards, with nothing on its way at either. One look alone
    // could miss what crosses.
    for (int quiet = 0; quiet < 2;) {
        const auto all = std::make_shared<std::atomic<bool>>(true);
        const auto asked = std::make_shared<Countdown>(shards_.size());
        for (auto& seat : shards_) {
            seat->loop->post([shard = seat->shard.get(), all, asked] {
                if (!shard->settled()) all->store(false);
                asked->one_done();
            });
        }
        const auto left = deadline - system_clock().monotonic();
        if (left <= 0 || !asked->wait(left)) return false;
        quiet = all->load() ? quiet + 1 : 0;
        if (quiet == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

bool ShardSet::drain(Nanoseconds bound) {
    if (!std::exchange(running_, false)) return true;
    const auto deadline = system_clock().monotonic() + bound;
    const auto gone = std::make_shared<Countdown>(shards_.size());
    for (auto& seat : shards_) {
        seat->loop->post([listeners = seat->listeners.get(), bound, gone] {
            listeners->drain(bound, [gone] { gone->one_done(); });
        });
    }
    const bool answered = gone->wait(bound) && wait_settled(deadline);
    for (auto& seat : shards_)
        seat->loop->stop();
    for (auto& seat : shards_)
        seat->thread.join();
    return answered;
}

void ShardSet::use(const std::shared_ptr<const inspect::Inspector>& inspector) {
    for (auto& seat : shards_) {
        seat->loop->post([shard = seat->shard.get(), inspector] { shard->use(inspector); });
    }
}

std::vector<ScoreSnapshot> ShardSet::checkpoint(bool full, Nanoseconds bound) {
    const auto snapshots = std::make_shared<std::vector<ScoreSnapshot>>(shards_.size());
    const auto copied = std::make_shared<Countdown>(shards_.size());
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        shards_[i]->loop->post([shard = shards_[i]->shard.get(), full, i, snapshots, copied] {
            shard->checkpoint(full, [i, snapshots, copied](ScoreSnapshot snapshot) {
                (*snapshots)[i] = std::move(snapshot);
                copied->one_done();
            });
        });
    }
    if (!copied->wait(bound)) return {};
    return std::move(*snapshots);
}

void ShardSet::post(ShardId shard, std::function<void()> work) {
    shards_[shard.value]->loop->post(std::move(work));
}

}  // namespace penstock::app

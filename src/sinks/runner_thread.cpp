#include "base/log.h"
#include "sinks/runner.h"

#include <pthread.h>

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace penstock::sinks {
namespace {

constexpr Nanoseconds kPatience = 500 * kMillisecond;
constexpr std::size_t kThreadName = 15;  // characters, as Linux keeps them

}  // namespace

struct RunnerThread::State {
    explicit State(RunnerParts parts) : id(parts.id), runner(std::move(parts)) {}

    void run();

    const std::string id;
    Runner runner;
    std::stop_source stop;
    std::mutex mutex;  // guards done
    std::condition_variable_any changed;
    bool done = false;
    std::thread thread;
};

void RunnerThread::State::run() {
    const std::stop_token asked = stop.get_token();
    while (!asked.stop_requested()) {
        const Nanoseconds idle = runner.step(kPatience, asked);
        if (idle <= 0) continue;
        std::unique_lock lock(mutex);
        changed.wait_for(lock, asked, std::chrono::nanoseconds(idle), [] { return false; });
    }
    runner.finish();
    const std::lock_guard lock(mutex);
    done = true;
    changed.notify_all();
}

RunnerThread::RunnerThread(RunnerParts parts) : state_(std::make_shared<State>(std::move(parts))) {}

RunnerThread::~RunnerThread() {
    const auto bound = std::chrono::nanoseconds(kSinkStopBound + kSecond);
    if (!stop(bound)) log::error("sink left behind, still running", {{"sink", state_->id}});
}

void RunnerThread::start() {
    state_->thread = std::thread([state = state_] { state->run(); });
    const std::string name = ("sink-" + state_->id).substr(0, kThreadName);
    ::pthread_setname_np(state_->thread.native_handle(), name.c_str());
}

void RunnerThread::request_stop() noexcept {
    state_->stop.request_stop();
}

bool RunnerThread::stop(std::chrono::nanoseconds bound) {
    if (!state_->thread.joinable()) return true;
    request_stop();
    std::unique_lock lock(state_->mutex);
    const bool ended = state_->changed.wait_for(lock, bound, [this] { return state_->done; });
    lock.unlock();
    if (ended) {
        state_->thread.join();
    } else {
        state_->thread.detach();  // holds the state; nothing it uses may be taken down
    }
    return ended;
}

SinkHealth RunnerThread::health() const {
    return state_->runner.health();
}

}  // namespace penstock::sinks

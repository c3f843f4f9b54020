#include "base/worker_pool.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace penstock {
namespace {

/// Only a wish: where the system refuses it the pool works as well.
void lower_priority(int nice) noexcept {
    const auto thread = static_cast<id_t>(::syscall(SYS_gettid));
    static_cast<void>(::setpriority(PRIO_PROCESS, thread, nice));
}

}  // namespace

WorkerPool::WorkerPool(unsigned threads, std::size_t queue, int nice) : limit_(queue) {
    for (unsigned i = 0; i < threads; ++i) {
        threads_.emplace_back([this, nice] {
            if (nice != 0) lower_priority(nice);
            work();
        });
    }
}

void WorkerPool::stop() noexcept {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_)
        thread.join();
    threads_.clear();
    for (const auto& job : jobs_)
        job.drop();
    jobs_.clear();
}

bool WorkerPool::push(Job&& job) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || jobs_.size() >= limit_) return false;
        jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
    return true;
}

std::size_t WorkerPool::waiting() const {
    const std::lock_guard lock(mutex_);
    return jobs_.size();
}

void WorkerPool::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        if (stopping_) return;
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job.run();
        job = {};
        lock.lock();
    }
}

}  // namespace penstock

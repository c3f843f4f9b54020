#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace penstock::auth {

/// Threads for work that costs tens of milliseconds and tens of MiB: password hashes. They have a
/// lower priority than the rest of the process, so that a storm of logins does not slow the devices
/// that are in. Bound: `queue` jobs wait; push() says so when it is full. Threads: any thread.
/// `run` of a job is called on a thread of the pool; `drop` on the thread that stops it.
class HashPool {
public:
    struct Job {
        std::function<void()> run;
        std::function<void()> drop;
    };

    HashPool(unsigned threads, std::size_t queue);
    ~HashPool() { stop(); }
    HashPool(const HashPool&) = delete;
    HashPool& operator=(const HashPool&) = delete;

    /// Waits for the jobs that run, drops those that wait. No job is taken afterwards.
    void stop() noexcept;

    /// False: full or stopped, and the job is untouched.
    [[nodiscard]] bool push(Job&& job);
    [[nodiscard]] std::size_t waiting() const;

private:
    void work();

    const std::size_t limit_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Job> jobs_;   // guarded by mutex_
    bool stopping_ = false;  // guarded by mutex_
    std::vector<std::thread> threads_;
};

}  // namespace penstock::auth

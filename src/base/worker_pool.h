#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace penstock {

/// Threads for work that would hold others up: password hashes, queries that read the disk.
/// Bound: `queue` jobs wait; push() says so when it is full.
/// Threads: any thread. `run` of a job is called on a thread of the pool; `drop` on the thread that
/// stops it.
class WorkerPool {
public:
    struct Job {
        std::function<void()> run;
        std::function<void()> drop;
    };

    /// `nice`: how far the threads stand behind the rest of the process (setpriority; a wish).
    WorkerPool(unsigned threads, std::size_t queue, int nice = 0);
    ~WorkerPool() { stop(); }
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

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

}  // namespace penstock

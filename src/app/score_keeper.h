#pragma once

#include "app/score_store.h"
#include "app/shard_set.h"
#include "penstock/result.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <thread>

namespace penstock::journal {
class Journal;
}

namespace penstock::app {

/// Keeps the learned score across restarts: restores it before the shards run, and writes a
/// checkpoint on its own thread whenever a segment was sealed and at the end. Threads: owner, but
/// for request(), which any thread may call.
class ScoreKeeper {
public:
    ScoreKeeper(std::filesystem::path directory, journal::Journal& journal, ShardSet& shards);
    ~ScoreKeeper();
    ScoreKeeper(const ScoreKeeper&) = delete;
    ScoreKeeper& operator=(const ScoreKeeper&) = delete;

    /// Brings the shards' tables to the end of the journal: checkpoints first, then the records
    /// above them.
    [[nodiscard]] Status restore();

    void start();
    /// Up to here no record is needed any more to restore the scores. Any thread.
    [[nodiscard]] Lsn covered() const noexcept {
        return {covered_.load(std::memory_order_relaxed)};
    }
    /// A checkpoint, soon.
    void request();
    /// Writes a last checkpoint and ends the thread. The shards still run.
    void finish();

private:
    void run(const std::stop_token& stop);
    void save();

    static constexpr Nanoseconds kAnswer = 10 * kSecond;

    journal::Journal& journal_;
    ShardSet& shards_;
    ScoreStore store_;
    std::atomic<std::uint64_t> covered_{0
    };  // set by our thread, read by retention; an old value only keeps more
    bool incomplete_ = false;  // a checkpoint failed since the last full one
    std::mutex mutex_;         // guards wanted_
    std::condition_variable_any changed_;
    bool wanted_ = false;
    std::jthread thread_;
};

}  // namespace penstock::app

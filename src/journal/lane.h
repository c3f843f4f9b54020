#pragma once

#include "base/spsc_ring.h"
#include "journal/batch_pool.h"
#include "penstock/batch.h"
#include "penstock/ids.h"

#include <atomic>
#include <cstdint>
#include <functional>

namespace penstock::journal {

/// What shards and the journal's threads tell each other without waiting.
/// Threads: any thread.
struct Gate {
    std::atomic<bool> full{false};     // set by the background thread: no space
    std::atomic<bool> failed{false};   // set by the commit thread: for good
    std::atomic<bool> closing{false};  // set by close()
    /// The commit thread is about to sleep, or sleeps: whoever sets it to false wakes it.
    std::atomic<bool> asleep{false};
    std::function<void()> wake;  // set before any thread starts

    [[nodiscard]] bool takes() const noexcept {
        return !full.load(std::memory_order_acquire) && !failed.load(std::memory_order_acquire) &&
               !closing.load(std::memory_order_acquire);
    }
    /// Wakes the commit thread when it sleeps. An exchange on both sides makes one of the two see
    /// the other: either the thread finds what was pushed before, or the pusher finds it asleep.
    void ring_bell() {
        if (asleep.exchange(false, std::memory_order_acq_rel)) wake();
    }
};

/// One shard's way to the commit thread and back.
/// Threads: acquire(), submit() and poll() the shard; the rest the commit thread.
class Lane final : public Appender {
public:
    struct Limits {
        std::size_t batch_size = 0;
        std::size_t record_max = 0;
        std::size_t payload_max = 0;  // of a batch: what fits a segment
        std::size_t ring = 0;
        std::size_t keep = 0;  // empty batches
    };
    Lane(Gate& gate, const Limits& limits);

    /// Null when a record of that size can never be stored.
    [[nodiscard]] BatchPtr acquire(std::size_t at_least) override;
    [[nodiscard]] bool submit(const BatchPtr& batch) override;
    [[nodiscard]] Durable poll() override;

    /// The next batch; null when there is none.
    [[nodiscard]] const BatchPtr* front();
    /// Takes it.
    [[nodiscard]] BatchPtr take();
    /// Reports a batch as durable. Never fails: no more batches are out than the ring holds.
    void report(const Durable& durable);
    /// Bytes of records that wait, about.
    [[nodiscard]] std::uint64_t waiting_bytes() const noexcept;
    /// Whether the shard was turned away since the last call, and there is reason to wake it.
    [[nodiscard]] bool wants_room() noexcept;

    std::function<void()> waker;  // set before the threads start
    bool to_wake = false;         // the commit thread's note

private:
    [[nodiscard]] bool try_submit(const BatchPtr& batch);

    Gate& gate_;
    const Limits limits_;
    BatchPool pool_;
    SpscRing<BatchPtr> submitted_;
    SpscRing<Durable> durable_;
    std::size_t outstanding_ = 0;                    // the shard's: submitted, not polled
    std::atomic<std::uint64_t> submitted_bytes_{0};  // written by the shard
    std::atomic<std::uint64_t> taken_bytes_{0};      // written by the commit thread
    std::atomic<bool> turned_away_{false};  // set by the shard, cleared by the commit thread
};

}  // namespace penstock::journal

#include "journal/batch_pool.h"

#include <utility>

namespace penstock::journal {

namespace {

struct PooledBatch : Batch {
    using Batch::Batch;
    PooledBatch* next = nullptr;
};

}  // namespace

/// A stack that many push to and one takes whole.
struct BatchPool::Shelf {
    Shelf(std::size_t size, std::size_t most) : batch_size(size), keep(most) {}
    ~Shelf() {
        free_all(mine);
        free_all(returned.load(std::memory_order_acquire));
    }
    Shelf(const Shelf&) = delete;
    Shelf& operator=(const Shelf&) = delete;

    static void free_all(PooledBatch* batch) noexcept {
        while (batch != nullptr)
            delete std::exchange(batch, batch->next);
    }

    PooledBatch* take() {
        if (mine == nullptr) mine = returned.exchange(nullptr, std::memory_order_acquire);
        if (mine == nullptr) return new PooledBatch(batch_size);
        waiting.fetch_sub(1, std::memory_order_relaxed);
        return std::exchange(mine, mine->next);
    }

    void give_back(PooledBatch* batch) noexcept {
        if (waiting.fetch_add(1, std::memory_order_relaxed) >= keep) {
            waiting.fetch_sub(1, std::memory_order_relaxed);
            delete batch;
            return;
        }
        batch->clear();
        batch->next = returned.load(std::memory_order_relaxed);
        while (!returned.compare_exchange_weak(
            batch->next, batch, std::memory_order_release, std::memory_order_relaxed
        )) {
        }
    }

    const std::size_t batch_size;
    const std::size_t keep;
    PooledBatch* mine = nullptr;                  // the shard's
    std::atomic<PooledBatch*> returned{nullptr};  // released by give_back(), acquired by take()
    std::atomic<std::size_t> waiting{0};          // on both lists; a bound, not an order
};

BatchPool::BatchPool(std::size_t batch_size, std::size_t keep)
    : shelf_(std::make_shared<Shelf>(batch_size, keep)) {}

BatchPtr BatchPool::acquire() {
    PooledBatch* const batch = shelf_->take();
    return {batch, [shelf = shelf_](Batch* done) {
                shelf->give_back(static_cast<PooledBatch*>(done));
            }};
}

}  // namespace penstock::journal

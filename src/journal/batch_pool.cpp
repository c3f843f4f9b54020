#include "journal/batch_pool.h"

#include <sys/mman.h>

#include <new>
#include <utility>

namespace penstock::journal {

namespace {

/// Batches share large pages: the device finds the memory of a commit in a few steps instead of one
/// for each 4 KiB (a third of the commit thread's work), and the shard fills it with fewer misses.
constexpr std::size_t kLargePage = 2UL * 1024 * 1024;

std::shared_ptr<std::byte> large_pages(std::size_t size) {
    auto* const data = static_cast<std::byte*>(::operator new(size, std::align_val_t{kLargePage}));
    (void)::madvise(data, size, MADV_HUGEPAGE);  // a wish
    return {data, [size](std::byte* gone) {
                ::operator delete(gone, size, std::align_val_t{kLargePage});
            }};
}

struct PooledBatch : Batch {
    using Batch::Batch;
    PooledBatch* next = nullptr;
};

}  // namespace

/// A stack that many push to and one takes whole.
struct BatchPool::Shelf {
    Shelf(std::size_t size, std::size_t most)
        : batch_size((size + Batch::kAlignment - 1) / Batch::kAlignment * Batch::kAlignment),
          keep(most) {}
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
        if (mine == nullptr) return new PooledBatch(piece(), batch_size);
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

    /// Memory for one more batch.
    std::shared_ptr<std::byte> piece() {
        if (slab_left < batch_size) {
            slab_left = (batch_size + kLargePage - 1) / kLargePage * kLargePage;
            slab = large_pages(slab_left);
            slab_next = slab.get();
        }
        slab_left -= batch_size;
        return {slab, std::exchange(slab_next, slab_next + batch_size)};
    }

    const std::size_t batch_size;
    const std::size_t keep;
    std::shared_ptr<std::byte> slab;  // the shard's, as the two below
    std::byte* slab_next = nullptr;
    std::size_t slab_left = 0;
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

#pragma once

#include "penstock/batch.h"

#include <atomic>
#include <cstddef>
#include <memory>

namespace penstock::journal {

/// Batches of one size for one shard, used over and over. Whoever lets go of a batch last gives it
/// back.
/// Bound: `keep` batches wait for use; more are freed. Memory comes 2 MiB at a time (or as much as
/// one batch needs) and goes when the last batch in it is freed.
/// Threads: acquire() one thread; batches come back from any.
class BatchPool {
public:
    BatchPool(std::size_t batch_size, std::size_t keep);

    /// An empty batch.
    [[nodiscard]] BatchPtr acquire();

private:
    struct Shelf;
    std::shared_ptr<Shelf> shelf_;  // outlives the pool while batches are out
};

}  // namespace penstock::journal

#include "journal/lane.h"

#include <cstdlib>
#include <utility>

namespace penstock::journal {

Lane::Lane(Gate& gate, const Limits& limits)
    : gate_(gate),
      limits_(limits),
      pool_(limits.batch_size, limits.keep),
      submitted_(limits.ring),
      durable_(submitted_.capacity() * 2) {}

BatchPtr Lane::acquire(std::size_t at_least) {
    if (at_least > limits_.record_max) return nullptr;
    if (Batch::kHeaderRoom + at_least <= limits_.batch_size) return pool_.acquire();
    return std::make_shared<Batch>(Batch::kHeaderRoom + at_least);
}

bool Lane::submit(const BatchPtr& batch) {
    if (batch->empty()) return true;
    if (batch->records().size() > limits_.payload_max) return false;
    if (try_submit(batch)) return true;
    // Said first, looked again after: a commit thread that makes room in between sees the note or
    // is seen.
    turned_away_.exchange(true, std::memory_order_acq_rel);
    return try_submit(batch);
}

bool Lane::try_submit(const BatchPtr& batch) {
    if (!gate_.takes() || outstanding_ >= durable_.capacity()) return false;
    const std::uint64_t size = batch->records().size();
    if (!submitted_.try_push(batch)) return false;
    ++outstanding_;
    submitted_bytes_.store(
        submitted_bytes_.load(std::memory_order_relaxed) + size, std::memory_order_relaxed
    );
    gate_.ring_bell();
    return true;
}

Appender::Durable Lane::poll() {
    Durable next;
    if (durable_.try_pop(next)) --outstanding_;
    return next;
}

const BatchPtr* Lane::front() {
    return submitted_.peek();
}

BatchPtr Lane::take() {
    BatchPtr batch;
    if (submitted_.try_pop(batch)) {
        taken_bytes_.store(
            taken_bytes_.load(std::memory_order_relaxed) + batch->records().size(),
            std::memory_order_relaxed
        );
    }
    return batch;
}

void Lane::report(const Durable& durable) {
    // The shard keeps no more batches out than this ring holds: anything else is a bug.
    if (!durable_.try_push(durable)) std::abort();
    to_wake = true;
}

std::uint64_t Lane::waiting_bytes() const noexcept {
    const std::uint64_t taken = taken_bytes_.load(std::memory_order_relaxed);
    const std::uint64_t submitted = submitted_bytes_.load(std::memory_order_relaxed);
    return submitted > taken ? submitted - taken : 0;
}

bool Lane::wants_room() noexcept {
    if (!turned_away_.load(std::memory_order_acquire)) return false;
    if (!gate_.takes() || submitted_.size() == submitted_.capacity()) return false;
    return turned_away_.exchange(false, std::memory_order_acq_rel);
}

}  // namespace penstock::journal

#include "inspect/key_set.h"

#include <algorithm>

namespace penstock::inspect {
namespace {

constexpr std::size_t kSmall = 256;

}  // namespace

KeySet::KeySet() : slots_(kSmall), mask_(kSmall - 1) {}

void KeySet::clear() noexcept {
    mask_ = kSmall - 1;
    count_ = 0;
    next_stamp();
}

void KeySet::next_stamp() noexcept {
    if (++stamp_ != 0) return;
    std::fill(slots_.begin(), slots_.end(), Slot{});
    stamp_ = 1;
}

KeySet::Added KeySet::widen() {
    if (count_ > kMaxMembers) return Added::full;
    std::vector<Slot> live;
    live.reserve(count_);
    for (std::size_t i = 0; i <= mask_; ++i) {
        if (slots_[i].stamp == stamp_) live.push_back(slots_[i]);
    }
    const std::size_t size = (mask_ + 1) * 4;
    if (slots_.size() < size) slots_.resize(size);
    mask_ = size - 1;
    next_stamp();
    for (Slot& slot : live) {
        slot.stamp = stamp_;
        std::size_t at = slot.hash & mask_;
        while (slots_[at].stamp == stamp_)
            at = (at + 1) & mask_;
        slots_[at] = slot;
    }
    return Added::fresh;
}

}  // namespace penstock::inspect

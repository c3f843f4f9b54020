#include "ingest/mqtt/inflight.h"

namespace penstock::mqtt {

void Inflight::grow() {
    const std::uint32_t wider = capacity_ == 0 ? kSmall : capacity_ * 2;
    auto ring = std::make_unique_for_overwrite<Entry[]>(wider);
    for (std::uint32_t i = 0; i < count_; ++i)
        ring[i] = at(i);
    ring_ = std::move(ring);
    capacity_ = wider;
    head_ = 0;
}

void Inflight::shrink() noexcept {
    if (capacity_ <= kSmall) return;
    ring_.reset();
    capacity_ = head_ = 0;
}

Inflight::Entry& Inflight::push() {
    if (count_ == capacity_) grow();
    return at(count_++);
}

void Inflight::take(std::uint16_t packet_id, std::uint32_t bytes, std::uint32_t arrival_us) {
    push() = {packet_id, Reason::success, Stage::waiting, bytes, arrival_us};
    bytes_ += bytes;
}

void Inflight::take_refused(
    std::uint16_t packet_id,
    std::uint32_t bytes,
    std::uint32_t arrival_us,
    Reason reason,
    std::string_view text
) {
    if (!text.empty()) {
        if (texts_ == nullptr) texts_ = std::make_unique<Texts>();
        if (texts_->size() < kTexts) texts_->emplace_back(next_sequence(), text);
    }
    push() = {packet_id, reason, Stage::refused, bytes, arrival_us};
    bytes_ += bytes;
}

void Inflight::settle(std::uint32_t sequence) noexcept {
    const std::uint32_t index = (sequence - first_) & kMask;
    if (index < count_ && at(index).stage == Stage::waiting) at(index).stage = Stage::durable;
}

bool Inflight::release(Release& out) {
    if (count_ == 0 || at(0).stage == Stage::waiting) return false;
    const Entry entry = at(0);
    out = {entry.packet_id, entry.reason, entry.stage == Stage::durable, entry.arrival_us, {}};
    if (texts_ != nullptr && texts_->front().first == first_) {
        out.text = std::move(texts_->front().second);
        texts_->erase(texts_->begin());
        if (texts_->empty()) texts_.reset();
    }
    bytes_ -= entry.bytes;
    first_ = (first_ + 1) & kMask;
    head_ = (head_ + 1) & (capacity_ - 1);
    if (--count_ == 0) shrink();
    return true;
}

}  // namespace penstock::mqtt

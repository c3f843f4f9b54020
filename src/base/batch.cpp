#include "penstock/batch.h"

#include "base/crc32c.h"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

namespace penstock {

namespace {

constexpr std::size_t whole_blocks(std::size_t bytes) {
    return (bytes + Batch::kAlignment - 1) / Batch::kAlignment * Batch::kAlignment;
}

}  // namespace

Batch::Batch(std::size_t capacity) : Batch(nullptr, whole_blocks(std::max(capacity, kHeaderRoom))) {
    data_ = static_cast<std::byte*>(::operator new(capacity_, std::align_val_t{kAlignment}));
    memory_ = {data_, [size = capacity_](std::byte* data) {
                   ::operator delete(data, size, std::align_val_t{kAlignment});
               }};
}

Batch::Batch(std::shared_ptr<std::byte> memory, std::size_t capacity) noexcept
    : memory_(std::move(memory)), data_(memory_.get()), capacity_(capacity) {}

std::span<std::byte> Batch::reserve(std::size_t size) noexcept {
    if (size > capacity_ - used_) return {};
    return {data_ + used_, size};
}

void Batch::commit(std::size_t size) noexcept {
    assert(size <= capacity_ - used_);
    used_ += size;
    ++count_;
}

void Batch::seal() noexcept {
    checksum_ = crc32c(std::span<const std::byte>(records()));
}

void Batch::clear() noexcept {
    used_ = kHeaderRoom;
    count_ = 0;
    checksum_ = 0;
}

std::span<const std::byte> Batch::records() const noexcept {
    return {data_ + kHeaderRoom, used_ - kHeaderRoom};
}

std::span<std::byte> Batch::records() noexcept {
    return {data_ + kHeaderRoom, used_ - kHeaderRoom};
}

}  // namespace penstock

#include "base/bytes.h"

#include "penstock/intake.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace penstock {

Bytes::Bytes(Bytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      head_(std::exchange(other.head_, 0)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

Bytes& Bytes::operator=(Bytes&& other) noexcept {
    if (this == &other) return *this;
    clear();
    data_ = std::exchange(other.data_, nullptr);
    head_ = std::exchange(other.head_, 0);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
}

void Bytes::append(std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
}

std::byte* Bytes::extend(std::size_t more) {
    if (capacity_ - size_ < more) grow(more);
    std::byte* const place = data_ + size_;
    size_ += static_cast<std::uint32_t>(more);
    return place;
}

void Bytes::consume(std::size_t size) noexcept {
    head_ += static_cast<std::uint32_t>(size);
    if (head_ == size_) clear();
}

void Bytes::clear() noexcept {
    std::free(data_);
    data_ = nullptr;
    head_ = size_ = capacity_ = 0;
}

void Bytes::grow(std::size_t more) {
    constexpr std::size_t kSmallest = 64;
    const std::size_t used = size();
    const std::size_t wanted = used + more;
    if (wanted > UINT32_MAX - 2 * kPayloadPadding) throw std::bad_alloc();
    if (capacity_ >= wanted && head_ >= capacity_ / 2) {
        // The front half is spent: moving is cheaper than growing, and happens at most once per
        // half.
        std::memmove(data_, data_ + head_, used);
    } else {
        const std::size_t capacity = std::min<std::size_t>(
            std::max(kSmallest, wanted + wanted / 2), UINT32_MAX - kPayloadPadding
        );
        auto* const fresh = static_cast<std::byte*>(std::malloc(capacity + kPayloadPadding));
        if (fresh == nullptr) throw std::bad_alloc();
        if (used != 0) std::memcpy(fresh, data_ + head_, used);
        std::memset(fresh + capacity, 0, kPayloadPadding);
        std::free(data_);
        data_ = fresh;
        capacity_ = static_cast<std::uint32_t>(capacity);
    }
    head_ = 0;
    size_ = static_cast<std::uint32_t>(used);
}

}  // namespace penstock

#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <utility>

namespace penstock {

/// A bounded queue from one thread to one other, wait-free on both sides. Each side keeps a copy of
/// the other's index and looks at the shared one only when the copy says full or empty, so an
/// exchange costs no cache miss most of the time.
/// Threads: try_push() and room() the producer; try_pop() and peek() the consumer; size() any.
template <class T>
class SpscRing {
public:
    /// Holds `capacity` elements, rounded up to a power of two.
    explicit SpscRing(std::size_t capacity)
        : mask_(std::bit_ceil(capacity < 2 ? std::size_t{2} : capacity) - 1),
          slots_(std::make_unique<T[]>(mask_ + 1)) {}

    /// False when full; `value` is moved from only when there was room.
    template <class U>
    [[nodiscard]] bool try_push(U&& value) {
        const std::size_t tail = tail_.load(std::memory_order_relaxed);
        if (tail - head_seen_ > mask_) {
            head_seen_ = head_.load(std::memory_order_acquire);
            if (tail - head_seen_ > mask_) return false;
        }
        slots_[tail & mask_] = std::forward<U>(value);
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }

    /// False when empty.
    [[nodiscard]] bool try_pop(T& out) {
        T* const front = peek();
        if (front == nullptr) return false;
        out = std::exchange(*front, T{});
        head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        return true;
    }

    /// The element that try_pop() would bring; null when empty.
    [[nodiscard]] T* peek() {
        const std::size_t head = head_.load(std::memory_order_relaxed);
        if (head == tail_seen_) {
            tail_seen_ = tail_.load(std::memory_order_acquire);
            if (head == tail_seen_) return nullptr;
        }
        return &slots_[head & mask_];
    }

    /// How many more fit at least.
    [[nodiscard]] std::size_t room() {
        head_seen_ = head_.load(std::memory_order_acquire);
        return capacity() - (tail_.load(std::memory_order_relaxed) - head_seen_);
    }

    /// About how many wait.
    [[nodiscard]] std::size_t size() const noexcept {
        const std::size_t head = head_.load(std::memory_order_acquire);
        return tail_.load(std::memory_order_acquire) - head;
    }
    [[nodiscard]] std::size_t capacity() const noexcept { return mask_ + 1; }

private:
    static constexpr std::size_t kLine = 64;

    const std::size_t mask_;
    const std::unique_ptr<T[]> slots_;
    // Released by the producer after a slot is filled, acquired by the consumer.
    alignas(kLine) std::atomic<std::size_t> tail_{0};
    std::size_t head_seen_ = 0;  // producer's copy of head_
    // Released by the consumer after a slot is emptied, acquired by the producer.
    alignas(kLine) std::atomic<std::size_t> head_{0};
    std::size_t tail_seen_ = 0;  // consumer's copy of tail_
};

}  // namespace penstock

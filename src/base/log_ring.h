#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>

namespace penstock::log {

/// Lines on their way to the writer: a bounded queue of many producers and one consumer in which
/// each slot carries the number of the turn it is free for (Vyukov's bounded queue). Slots keep
/// their memory. Bound: kSlots lines.
/// Threads: push any thread; pop one.
class LogRing {
public:
    static constexpr std::size_t kSlots = 1024;  // a power of two

    LogRing() {
        for (std::size_t i = 0; i < kSlots; ++i)
            slots_[i].turn.store(i, std::memory_order_relaxed);
    }

    /// Calls `fill` on a free slot's text; false when there is none.
    template <class Fill>
    bool push(const Fill& fill) {
        std::uint64_t at = tail_.load(std::memory_order_relaxed);
        for (;;) {
            Slot& slot = slots_[at & (kSlots - 1)];
            // Acquires what the writer released in pop: the slot's text is ours again.
            const std::uint64_t turn = slot.turn.load(std::memory_order_acquire);
            if (turn == at) {
                if (!tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
                slot.text.clear();
                try {
                    fill(slot.text);
                } catch (const std::bad_alloc&) {
                    slot.text.clear(
                    );  // the slot must be given on, or the writer waits for it for ever
                }
                slot.turn.store(at + 1, std::memory_order_release);  // to pop
                return true;
            }
            if (turn < at) return false;
            at = tail_.load(std::memory_order_relaxed);
        }
    }

    /// Appends the oldest line to `out`; false when there is none (or its writer is not done yet).
    /// Consumer only.
    bool pop(std::string& out) {
        const std::uint64_t at = head_.load(std::memory_order_relaxed);
        Slot& slot = slots_[at & (kSlots - 1)];
        if (slot.turn.load(std::memory_order_acquire) != at + 1) return false;
        out += slot.text;
        if (slot.text.capacity() > kKeptBytes) slot.text = std::string();
        slot.turn.store(at + kSlots, std::memory_order_release);  // to push, one turn later
        head_.store(at + 1, std::memory_order_relaxed);
        return true;
    }

    [[nodiscard]] std::uint64_t pushed() const noexcept {
        return tail_.load(std::memory_order_acquire);
    }

private:
    static constexpr std::size_t kKeptBytes = 1024;
    struct Slot {
        std::atomic<std::uint64_t> turn{0};
        std::string text;
    };
    std::array<Slot, kSlots> slots_;
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    alignas(64) std::atomic<std::uint64_t> head_{0};
};

}  // namespace penstock::log

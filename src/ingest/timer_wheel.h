#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace penstock::ingest {

/// Deadlines of many connections, one tick coarse. Entries are not removed: who has moved its
/// deadline finds out when the entry comes up, and enters itself again. So keeping a connection
/// alive costs a store, not a list operation. Bound: one entry per connection and deadline that was
/// earlier than the one before. Threads: owning shard.
class TimerWheel {
public:
    struct Entry {
        std::uint32_t slot = 0;
        std::uint32_t generation = 0;
    };
    static constexpr std::uint32_t kSlots = 512;

    /// The tick that an entry for `due` stands at: `due`, or the horizon when that is nearer.
    [[nodiscard]] std::uint32_t add(Entry entry, std::uint32_t due) {
        if (due <= now_) due = now_ + 1;
        if (due - now_ >= kSlots) due = now_ + kSlots - 1;
        slots_[due % kSlots].push_back(entry);
        return due;
    }

    /// Moves on to `tick` and calls `fire(entry, tick of the entry)` for all that came up.
    template <class Fire>
    void advance(std::uint32_t tick, Fire&& fire) {
        // A clock that leapt over the whole wheel finds every entry in one round.
        if (tick > now_ + kSlots) now_ = tick - kSlots;
        while (now_ < tick) {
            ++now_;
            std::vector<Entry> due;
            due.swap(slots_[now_ % kSlots]);
            for (const Entry entry : due)
                fire(entry, now_);
        }
    }

    [[nodiscard]] std::uint32_t now() const noexcept { return now_; }

private:
    std::array<std::vector<Entry>, kSlots> slots_;
    std::uint32_t now_ = 0;
};

}  // namespace penstock::ingest

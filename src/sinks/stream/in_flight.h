#pragma once

#include "penstock/ids.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace penstock::sinks {

/// Records that were handed over and are not confirmed yet. Confirmations come in any order; `safe`
/// follows their contiguous prefix.
///
/// Bounds: the caller's; size() and bytes() tell.
///
/// Threads: owner.
class InFlight {
public:
    using Ticket = std::uint64_t;

    void reset(Lsn safe) {
        slots_.clear();
        front_ = next_;
        bytes_ = 0;
        safe_ = safe;
    }
    /// Precondition: LSNs increase.
    Ticket add(Lsn lsn, std::size_t bytes) {
        slots_.push_back({lsn, lsn, bytes, false});
        bytes_ += bytes;
        return next_++;
    }
    /// What lies between the newest record and `to` needs no confirmation.
    void skip(Lsn to) {
        if (slots_.empty()) {
            safe_ = std::max(safe_, to);
        } else {
            slots_.back().covers = std::max(slots_.back().covers, to);
        }
    }
    void confirm(Ticket ticket) {
        if (!contains(ticket)) return;
        slots_[ticket - front_].done = true;
        while (!slots_.empty() && slots_.front().done) {
            safe_ = slots_.front().covers;
            bytes_ -= slots_.front().bytes;
            slots_.pop_front();
            ++front_;
        }
    }

    [[nodiscard]] bool contains(Ticket ticket) const noexcept {
        return ticket >= front_ && ticket < next_;
    }
    /// The ticket of a record that waits for its confirmation.
    [[nodiscard]] std::optional<Ticket> find(Lsn lsn) const {
        const auto at = std::ranges::lower_bound(slots_, lsn, {}, &Slot::lsn);
        if (at == slots_.end() || at->lsn != lsn) return std::nullopt;
        return front_ + static_cast<Ticket>(at - slots_.begin());
    }
    /// Precondition: contains(ticket).
    [[nodiscard]] Lsn lsn(Ticket ticket) const { return slots_[ticket - front_].lsn; }
    /// Everything up to here is confirmed or needed no confirmation.
    [[nodiscard]] Lsn safe() const noexcept { return safe_; }
    /// The oldest that is not confirmed; next() when there is none.
    [[nodiscard]] Ticket front() const noexcept { return front_; }
    [[nodiscard]] bool empty() const noexcept { return slots_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    struct Slot {
        Lsn lsn;
        Lsn covers;
        std::size_t bytes;
        bool done;
    };

    std::deque<Slot> slots_;
    Ticket front_ = 0;
    Ticket next_ = 0;
    std::size_t bytes_ = 0;
    Lsn safe_;
};

}  // namespace penstock::sinks

#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace penstock::sinks {

/// How old the oldest undelivered record is: remembers arrival times at some LSNs on the way.
/// Bound: 1024 marks; beyond, every second one goes and the answer becomes coarser (never too
/// small).
///
/// Threads: owner.
class LagMarks {
public:
    static constexpr std::size_t kMarks = 1024;

    /// The record at `lsn` arrived at `arrival`. Lower LSNs than seen before change nothing.
    void see(Lsn lsn, Nanoseconds arrival) {
        if (!marks_.empty() && lsn.value < marks_.back().lsn.value + stride_) return;
        if (marks_.size() >= kMarks) thin();
        marks_.push_back({lsn, arrival});
    }
    /// Age of the oldest record above `settled`, of those seen; 0 when none is.
    [[nodiscard]] Nanoseconds age(Lsn settled, Nanoseconds now) {
        while (marks_.size() > 1 && marks_[1].lsn <= settled.next())
            marks_.pop_front();
        if (marks_.size() < kMarks / 8) stride_ = 1;
        if (marks_.empty()) return 0;
        return std::max<Nanoseconds>(0, now - marks_.front().arrival);
    }

private:
    struct Mark {
        Lsn lsn;
        Nanoseconds arrival;
    };

    void thin() {
        stride_ = 2 * (marks_.back().lsn.value - marks_.front().lsn.value) / kMarks + 1;
        std::size_t kept = 1;
        for (std::size_t i = 2; i < marks_.size(); i += 2)
            marks_[kept++] = marks_[i];
        marks_.resize(kept);
    }

    std::deque<Mark> marks_;
    std::uint64_t stride_ = 1;  // LSNs between marks
};

}  // namespace penstock::sinks

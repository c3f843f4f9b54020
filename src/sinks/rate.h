#pragma once

#include "penstock/clock.h"

#include <cstdint>
#include <deque>

namespace penstock::sinks {

/// How fast a count grows: the mean over about the last ten seconds.
/// Bound: kMarks marks.
/// Threads: owner.
class Rate {
public:
    static constexpr std::size_t kMarks = 11;
    static constexpr Nanoseconds kApart = kSecond;

    /// The count stands at `count` now. Times do not go back.
    void see(Nanoseconds now, std::uint64_t count) {
        newest_ = {now, count};
        if (!marks_.empty() && now - marks_.back().at < kApart) return;
        marks_.push_back(newest_);
        if (marks_.size() > kMarks) marks_.pop_front();
    }
    /// A second; 0 before anything can be told.
    [[nodiscard]] double per_second() const {
        if (marks_.empty() || newest_.at <= marks_.front().at) return 0;
        const auto seconds = static_cast<double>(newest_.at - marks_.front().at) / 1e9;
        return static_cast<double>(newest_.count - marks_.front().count) / seconds;
    }

private:
    struct Mark {
        Nanoseconds at = 0;
        std::uint64_t count = 0;
    };
    std::deque<Mark> marks_;
    Mark newest_;
};

}  // namespace penstock::sinks

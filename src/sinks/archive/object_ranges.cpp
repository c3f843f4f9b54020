#include "sinks/archive/object_ranges.h"

#include <algorithm>

namespace penstock::sinks {

void add_range(LsnRanges& ranges, LsnRange range) {
    if (range.last < range.first) return;
    auto at = std::find_if(ranges.begin(), ranges.end(), [range](const LsnRange& other) {
        return other.last.next() >= range.first;
    });
    while (at != ranges.end() && at->first <= range.last.next()) {
        range = {std::min(range.first, at->first), std::max(range.last, at->last)};
        at = ranges.erase(at);
    }
    ranges.insert(at, range);
}

LsnRanges gaps_between(const LsnRanges& ranges) {
    LsnRanges gaps;
    for (std::size_t i = 1; i < ranges.size(); ++i)
        gaps.push_back({ranges[i - 1].last.next(), Lsn{ranges[i].first.value - 1}});
    return gaps;
}

}  // namespace penstock::sinks

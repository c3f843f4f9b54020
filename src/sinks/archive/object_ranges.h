#pragma once

#include "penstock/ids.h"

#include <vector>

namespace penstock::sinks {

/// The records first..last, both of them included.
struct LsnRange {
    Lsn first;
    Lsn last;

    friend bool operator==(const LsnRange&, const LsnRange&) = default;
};

/// Sorted, apart from each other by at least one LSN.
using LsnRanges = std::vector<LsnRange>;

/// Takes a range in; none where it ends before it begins.
void add_range(LsnRanges& ranges, LsnRange range);

/// What lies between the ranges.
[[nodiscard]] LsnRanges gaps_between(const LsnRanges& ranges);

}  // namespace penstock::sinks

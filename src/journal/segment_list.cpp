#include "journal/segment_list.h"

#include <algorithm>
#include <utility>

namespace penstock::journal {

std::vector<SegmentInfo> SegmentList::all() const {
    const std::lock_guard lock(mutex_);
    return segments_;
}

std::optional<SegmentInfo> SegmentList::find(Lsn lsn) const {
    const std::lock_guard lock(mutex_);
    // The last segment that begins at or before `lsn`; of several (empty ones) the last.
    const auto after = std::ranges::upper_bound(segments_, lsn, {}, &SegmentInfo::first);
    if (after == segments_.begin()) return {};
    const SegmentInfo& found = *std::prev(after);
    if (found.sealed && lsn > found.last) return {};
    return found;
}

std::optional<Lsn> SegmentList::oldest() const {
    const std::lock_guard lock(mutex_);
    if (segments_.empty()) return {};
    return segments_.front().first;
}

std::uint64_t SegmentList::bytes() const {
    const std::lock_guard lock(mutex_);
    std::uint64_t sum = 0;
    for (const SegmentInfo& segment : segments_)
        sum += segment.bytes;
    return sum;
}

std::size_t SegmentList::size() const {
    const std::lock_guard lock(mutex_);
    return segments_.size();
}

void SegmentList::add(SegmentInfo segment) {
    const std::lock_guard lock(mutex_);
    const auto key = [](const SegmentInfo& info) { return std::pair(info.first, info.number); };
    const auto place = std::ranges::upper_bound(segments_, key(segment), {}, key);
    segments_.insert(place, std::move(segment));
}

void SegmentList::update(const SegmentInfo& segment) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(segments_, segment.number, &SegmentInfo::number);
    if (found != segments_.end()) *found = segment;
}

void SegmentList::drop(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    std::erase_if(segments_, [&](const SegmentInfo& segment) { return segment.number == number; });
}

}  // namespace penstock::journal

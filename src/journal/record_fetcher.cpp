#include "journal/record_fetcher.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace penstock::journal {
namespace {

bool holds(const Chunk& chunk, Lsn lsn) {
    return lsn >= chunk.first() && lsn.value - chunk.first().value < chunk.count();
}

Result<StoredRecord> copy_of(const Chunk& chunk, Lsn lsn) {
    auto rest = chunk.records();
    for (Lsn at = chunk.first(); at < lsn; at = at.next()) {
        PS_TRY(const auto before, RecordView::parse(rest));
        rest = rest.subspan(before.bytes().size());
    }
    PS_TRY(const auto found, RecordView::parse(rest));
    const auto size = found.bytes().size();
    std::shared_ptr<std::byte[]> bytes(new std::byte[size]);
    std::memcpy(bytes.get(), found.bytes().data(), size);
    StoredRecord record;
    record.lsn = lsn;
    record.bytes = bytes;
    PS_TRY(record.record, RecordView::parse({bytes.get(), size}));
    return record;
}

}  // namespace

Status RecordFetcher::announce(std::vector<Lsn> lsns) {
    std::ranges::sort(lsns);
    std::span<const Lsn> rest(lsns);
    while (!rest.empty()) {
        const auto segment = log_.segments.find(rest.front());
        if (!segment) {
            rest = rest.subspan(1);
            continue;
        }
        const auto behind = std::ranges::find_if(rest, [&](Lsn lsn) {
            return segment->sealed && lsn > segment->last;
        });
        const auto here = rest.first(static_cast<std::size_t>(behind - rest.begin()));
        rest = rest.subspan(here.size());
        const auto index = keeper_.index_of(*segment);
        if (!index && index.error().code == Errc::not_found) continue;
        if (!index) return index.error();
        auto frames = (*index)->frames_of(here);
        if (!frames && frames.error().code == Errc::not_found) continue;
        if (!frames) return std::move(frames).error();
        segments_.emplace(segment->number, *segment);
        for (const auto& frame : *frames)
            frames_.emplace(frame.first, Frame{frame, segment->number});
    }
    return {};
}

Result<StoredRecord> RecordFetcher::get(Lsn lsn) {
    if (!chunk_ || !holds(*chunk_, lsn)) {
        PS_TRY(chunk_, chunk_of(lsn));
    }
    if (!holds(*chunk_, lsn)) return Error{Errc::corrupt, "a frame and its index disagree"};
    return copy_of(*chunk_, lsn);
}

Result<ChunkPtr> RecordFetcher::chunk_of(Lsn lsn) {
    if (const auto entry = log_.tail.find(lsn); entry && entry->chunk) return entry->chunk;
    const auto behind = frames_.upper_bound(lsn);
    if (behind == frames_.begin() || !std::prev(behind)->second.place.holds(lsn))
        return Error{Errc::not_found, "no longer kept"};
    return read_frame(std::prev(behind)->second);
}

Result<ChunkPtr> RecordFetcher::read_frame(const Frame& frame) {
    const auto& segment = segments_.at(frame.segment);
    if (!scan_ || scan_->segment().nonce != segment.nonce) {
        scan_.reset();
        PS_TRY(auto scan, SegmentScan::open(log_.disk, segment));
        scan_.emplace(std::move(scan));
    }
    PS_TRY(const auto header, scan_->header(frame.place.offset));
    if (!header || Lsn{header->first} != frame.place.first || header->count != frame.place.count)
        return Error{Errc::corrupt, segment.path.string() + ": a frame is damaged"};
    return scan_->chunk(*header);
}

}  // namespace penstock::journal

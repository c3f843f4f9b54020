#include "sinks/archive/window.h"

#include <algorithm>

namespace penstock::sinks {

Window::Window(Lsn first, WindowSettings settings, const JournalId& journal)
    : first_(first),
      settings_(std::move(settings)),
      journal_(journal),
      encoder_(settings_.format, journal) {}

Window::Slice& Window::slice_of(const RecordView& record) {
    const std::pair<std::string_view, std::int64_t> key(
        record.stream(), event_hour(record.event_time())
    );
    const auto found = slices_.find(key);
    if (found != slices_.end()) return found->second;
    return slices_.try_emplace({std::string(key.first), key.second}).first->second;
}

void Window::add(Lsn lsn, const RecordView& record) {
    Slice& slice = slice_of(record);
    const std::size_t before = slice.pending.size();
    encoder_.append(lsn, record, slice.pending);
    ++slice.records;
    bytes_ += slice.pending.size() - before;
    if (slice.pending.size() >= kPending) compress(slice);
}

Window::Compressor& Window::compressor_of(Slice& slice) {
    if (slice.compressor) return *compressors_[*slice.compressor];
    std::size_t free = 0;
    while (free < compressors_.size() && compressors_[free]->owner)
        ++free;
    if (free == compressors_.size() && free < kCompressors) {
        compressors_.push_back(
            std::make_unique<Compressor>(Compressor{ZstdWriter(settings_.level), nullptr, 0})
        );
    }
    if (free == kCompressors) {
        const auto oldest = std::min_element(
            compressors_.begin(),
            compressors_.end(),
            [](const auto& a, const auto& b) { return a->used < b->used; }
        );
        free = static_cast<std::size_t>(oldest - compressors_.begin());
        end(*(*oldest)->owner);
        ++evictions_;
    }
    slice.compressor = free;
    compressors_[free]->owner = &slice;
    return *compressors_[free];
}

/// bytes_ counts what is pending as text and what is done as compressed bytes.
void Window::compress(Slice& slice) {
    Compressor& compressor = compressor_of(slice);
    compressor.used = ++uses_;
    const std::size_t before = slice.compressed.size();
    compressor.writer.add(slice.pending, slice.compressed);
    bytes_ -= slice.pending.size();
    bytes_ += slice.compressed.size() - before;
    slice.pending.clear();
}

void Window::end(Slice& slice) {
    if (!slice.compressor) return;
    Compressor& compressor = *compressors_[*slice.compressor];
    const std::size_t before = slice.compressed.size();
    compressor.writer.end(slice.compressed);
    bytes_ += slice.compressed.size() - before;
    compressor.owner = nullptr;
    slice.compressor.reset();
}

std::vector<ArchiveObject> Window::close(Lsn last) {
    std::vector<ArchiveObject> objects;
    objects.reserve(slices_.size());
    for (auto& [key, slice] : slices_) {
        if (!slice.pending.empty()) compress(slice);
        end(slice);
        ArchiveObject object;
        object.name = object_name(
            settings_.prefix, {key.first, key.second}, journal_, first_, last, settings_.format
        );
        object.bytes = std::move(slice.compressed);
        object.sha256 = hex(sha256(object.bytes));
        object.records = slice.records;
        objects.push_back(std::move(object));
    }
    slices_.clear();
    return objects;
}

}  // namespace penstock::sinks

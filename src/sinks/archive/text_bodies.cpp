#include "sinks/archive/text_bodies.h"

#include <algorithm>
#include <utility>

namespace penstock::sinks {

std::size_t TextBodies::begin(std::string_view) {
    bodies_.emplace_back();
    return bodies_.size() - 1;
}

void TextBodies::add(std::size_t body, Lsn lsn, const RecordView& record) {
    Body& to = bodies_[body];
    const std::size_t before = to.pending.size();
    encoder_.append(lsn, record, to.pending);
    bytes_ += to.pending.size() - before;
    if (to.pending.size() >= kPending) compress(to);
}

std::string TextBodies::finish(std::size_t body) {
    Body& whole = bodies_[body];
    if (!whole.pending.empty()) compress(whole);
    end(whole);
    return std::move(whole.compressed);
}

TextBodies::Compressor& TextBodies::compressor_of(Body& body) {
    if (body.compressor) return *compressors_[*body.compressor];
    std::size_t free = 0;
    while (free < compressors_.size() && compressors_[free]->owner)
        ++free;
    if (free == compressors_.size() && free < kCompressors) {
        compressors_.push_back(
            std::make_unique<Compressor>(Compressor{ZstdWriter(level_), nullptr, 0})
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
    body.compressor = free;
    compressors_[free]->owner = &body;
    return *compressors_[free];
}

/// bytes_ counts what is pending as text and what is done as compressed bytes.
void TextBodies::compress(Body& body) {
    Compressor& compressor = compressor_of(body);
    compressor.used = ++uses_;
    const std::size_t before = body.compressed.size();
    compressor.writer.add(body.pending, body.compressed);
    bytes_ -= body.pending.size();
    bytes_ += body.compressed.size() - before;
    body.pending.clear();
}

void TextBodies::end(Body& body) {
    if (!body.compressor) return;
    Compressor& compressor = *compressors_[*body.compressor];
    const std::size_t before = body.compressed.size();
    compressor.writer.end(body.compressed);
    bytes_ += body.compressed.size() - before;
    compressor.owner = nullptr;
    body.compressor.reset();
}

}  // namespace penstock::sinks

#pragma once

#include "penstock/log_reader.h"

#include <optional>
#include <span>

namespace penstock::sinks {

/// Walks the records of a chunk from a given LSN on.
/// Threads: owner.
class ChunkWalk {
public:
    ChunkWalk() = default;
    explicit ChunkWalk(ChunkPtr chunk)
        : chunk_(std::move(chunk)), next_(chunk_->first()), rest_(chunk_->records()) {}

    [[nodiscard]] bool done() const noexcept { return !chunk_ || next_ > last(); }
    /// The LSN of the record that peek() shows.
    [[nodiscard]] Lsn lsn() const noexcept { return next_; }
    /// The last LSN of the chunk. Precondition: made of a chunk.
    [[nodiscard]] Lsn last() const noexcept {
        return Lsn{chunk_->first().value + chunk_->count() - 1};
    }
    /// The next record; nothing when its bytes are none (the rest of the chunk is then lost).
    [[nodiscard]] std::optional<RecordView> peek() const {
        auto parsed = RecordView::parse(rest_);
        if (!parsed.ok()) return std::nullopt;
        return *parsed;
    }
    void pass(const RecordView& record) {
        rest_ = rest_.subspan(record.bytes().size());
        next_ = next_.next();
    }
    [[nodiscard]] const ChunkPtr& chunk() const noexcept { return chunk_; }

private:
    ChunkPtr chunk_;
    Lsn next_;
    std::span<const std::byte> rest_;
};

}  // namespace penstock::sinks

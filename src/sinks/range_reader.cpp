#include "sinks/range_reader.h"

#include "sinks/chunk_walk.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace penstock::sinks {
namespace {

/// The front of a chunk.
class CutChunk final : public Chunk {
public:
    CutChunk(ChunkPtr whole, Lsn last) : whole_(std::move(whole)) {
        ChunkWalk walk(whole_);
        while (!walk.done() && walk.lsn() <= last) {
            const auto record = walk.peek();
            if (!record) break;
            bytes_ += record->bytes().size();
            walk.pass(*record);
        }
        // Bytes that cannot be read stay part of it, as its user has to find them.
        count_ = static_cast<std::uint32_t>(last.value - whole_->first().value + 1);
    }
    [[nodiscard]] Lsn first() const noexcept override { return whole_->first(); }
    [[nodiscard]] std::uint32_t count() const noexcept override { return count_; }
    [[nodiscard]] std::span<const std::byte> records() const noexcept override {
        return whole_->records().first(bytes_);
    }

private:
    ChunkPtr whole_;
    std::size_t bytes_ = 0;
    std::uint32_t count_ = 0;
};

}  // namespace

RangeReader::RangeReader(std::unique_ptr<LogReader> reader, Lsn last)
    : reader_(std::move(reader)), last_(last) {}

Lsn RangeReader::durable() const {
    return std::min(reader_->durable(), last_);
}

Result<ReadResult> RangeReader::read(Nanoseconds wait, const std::stop_token& stop) {
    if (reader_->position() > last_) {
        rest(wait, stop);
        return ReadResult{};
    }
    PS_TRY(ReadResult got, reader_->read(wait, stop));
    if (got.gap.cause != Gap::Cause::none) got.gap.to = std::min(got.gap.to, last_);
    if (got.chunk && got.chunk->first() > last_) got.chunk.reset();
    if (got.chunk && got.chunk->first().plus(got.chunk->count() - 1) > last_)
        got.chunk = std::make_shared<CutChunk>(std::move(got.chunk), last_);
    return got;
}

void rest(Nanoseconds wait, const std::stop_token& stop) {
    if (wait <= 0) return;
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, stop, std::chrono::nanoseconds(wait), [] { return false; });
}

}  // namespace penstock::sinks

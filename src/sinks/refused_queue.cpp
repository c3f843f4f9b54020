#include "sinks/refused_queue.h"

#include "sinks/chunk_walk.h"

#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

RecordView record_at(const ChunkPtr& chunk, Lsn lsn) {
    ChunkWalk walk(chunk);
    while (!walk.done()) {
        const auto record = walk.peek();
        if (!record) break;
        if (walk.lsn() == lsn) return *record;
        walk.pass(*record);
    }
    return {};
}

bool holds(const ChunkPtr& chunk, Lsn lsn) {
    return chunk && chunk->first() <= lsn && lsn.value < chunk->first().value + chunk->count();
}

}  // namespace

RefusedQueue::RefusedQueue(
    std::function<std::unique_ptr<LogReader>()> open_reader, RefusedStore& store
)
    : open_reader_(std::move(open_reader)), store_(store) {}

void RefusedQueue::add(RefusedRecord refused) {
    waiting_.emplace(refused.lsn, std::move(refused.reason));
}

Lsn RefusedQueue::first() const noexcept {
    return waiting_.empty() ? Lsn{} : waiting_.begin()->first;
}

Status RefusedQueue::store(Ledger& ledger, const std::stop_token& stop) {
    std::vector<RefusedCopy> copies;
    std::vector<ChunkPtr> alive;
    std::size_t bytes = 0;
    for (auto it = waiting_.begin(); it != waiting_.end() && copies.size() < kBatch; ++it) {
        if (alive.empty() || !holds(alive.back(), it->first)) {
            if (bytes >= kBatchBytes) break;
            PS_TRY(ChunkPtr chunk, chunk_of(it->first, stop));
            if (chunk) bytes += chunk->records().size();
            alive.push_back(std::move(chunk));
        }
        const bool there = holds(alive.back(), it->first);
        copies.push_back(
            {it->first, it->second, there ? record_at(alive.back(), it->first) : RecordView{}}
        );
    }
    PS_CHECK(store_.keep(copies));
    for (const RefusedCopy& copy : copies)
        ledger.refuse(copy.lsn);
    waiting_.erase(waiting_.begin(), std::next(waiting_.begin(), std::ptrdiff_t(copies.size())));
    if (waiting_.empty()) reader_.reset();
    return {};
}

Result<ChunkPtr> RefusedQueue::chunk_of(Lsn lsn, const std::stop_token& stop) {
    if (!reader_) reader_ = open_reader_();
    reader_->seek(lsn);
    PS_TRY(ReadResult got, reader_->read(0, stop));
    return got.chunk;  // null: a gap; the record is gone from the journal
}

}  // namespace penstock::sinks

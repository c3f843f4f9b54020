#pragma once

#include "penstock/log_reader.h"
#include "penstock/sink.h"
#include "sinks/ledger.h"
#include "sinks/stores.h"

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

namespace penstock::sinks {

/// Records that the far side refused for good and whose copies are not durable yet. While there are
/// any, the cursor stays below the first of them.
///
/// Bound: kHoldAt; the runner puts nothing new while
/// full().
///
/// Threads: owner.
class RefusedQueue {
public:
    static constexpr std::size_t kHoldAt = 10'000;
    static constexpr std::size_t kBatch = 64;
    static constexpr std::size_t kBatchBytes = std::size_t{16} * 1024 * 1024;

    /// `store` must outlive this.
    RefusedQueue(std::function<std::unique_ptr<LogReader>()> open_reader, RefusedStore& store);

    void add(RefusedRecord refused);
    [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
    [[nodiscard]] bool full() const noexcept { return waiting_.size() >= kHoldAt; }
    [[nodiscard]] bool contains(Lsn lsn) const { return waiting_.contains(lsn); }
    /// The lowest of them; 0: none.
    [[nodiscard]] Lsn first() const noexcept;

    /// Reads up to kBatch of them (fewer beyond kBatchBytes of journal) again from the journal,
    /// makes the copies durable, and tells the ledger. Errors: of the store (full: at its bound)
    /// and of the journal; all stay waiting.
    [[nodiscard]] Status store(Ledger& ledger, const std::stop_token& stop);

private:
    [[nodiscard]] Result<ChunkPtr> chunk_of(Lsn lsn, const std::stop_token& stop);

    std::function<std::unique_ptr<LogReader>()> open_reader_;
    RefusedStore& store_;
    std::map<Lsn, std::string> waiting_;
    std::unique_ptr<LogReader> reader_;
};

}  // namespace penstock::sinks

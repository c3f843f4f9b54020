#pragma once

#include "journal/device_index.h"
#include "journal/reader.h"
#include "journal/segment_list.h"
#include "journal/tail.h"
#include "penstock/disk.h"
#include "penstock/ids.h"
#include "penstock/result.h"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>
#include <vector>

namespace penstock::metrics {
class Registry;
class Registration;
}  // namespace penstock::metrics

namespace penstock::journal {

class Journal;

/// What of the journal its readers need; all of it outlives them.
struct LogParts {
    Disk& disk;
    const Tail& tail;
    const SegmentList& segments;
    JournalId journal;

    [[nodiscard]] static LogParts of(Journal& journal);
};

using IndexPtr = std::shared_ptr<const SegmentIndex>;

/// Reads a whole segment and indexes it. Damaged frames are left out. Errors: not_found (retired),
/// cancelled, io.
[[nodiscard]] Result<std::unique_ptr<OpenIndex>> build_index(
    Disk& disk,
    const SegmentInfo& segment,
    const JournalId& journal,
    const std::stop_token& stop = {}
);

/// Opens a segment's index file. Errors: not_found, corrupt, unsupported, io.
[[nodiscard]] Result<std::shared_ptr<const IndexFile>> open_index(
    Disk& disk, const SegmentInfo& segment, const JournalId& journal
);

/// Keeps the index of every segment: a thread of its own follows the journal, indexes the open
/// segment in memory as its records become durable, writes the index file when a segment is sealed,
/// and builds those that are missing or bad, newest first. The commit thread knows nothing of it.
/// Life: construct -> start() -> stop(), after Journal::close() so that the last segment is
/// finished. Bounds: the indexes of segments that are not sealed yet (usually one; see OpenIndex);
/// kCachedFiles open index files with kCachedBytes of directories. Threads: any thread.
class IndexKeeper {
public:
    static constexpr std::size_t kCachedFiles = 256;
    static constexpr std::size_t kCachedBytes = 32 * 1024 * 1024;

    IndexKeeper(const LogParts& log, metrics::Registry& registry);
    ~IndexKeeper();
    IndexKeeper(const IndexKeeper&) = delete;
    IndexKeeper& operator=(const IndexKeeper&) = delete;

    void start();
    void stop();

    /// Waits until every record up to `lsn` is indexed: true. False after `bound`.
    [[nodiscard]] bool wait_for(Lsn lsn, Nanoseconds bound) const;
    /// The index of a segment; built now when there is none. Errors: not_found (retired meanwhile),
    /// io.
    [[nodiscard]] Result<IndexPtr> index_of(const SegmentInfo& segment);
    /// What streams a segment has, from memory when its index was seen before.
    [[nodiscard]] Result<std::vector<StreamSpan>> streams_of(const SegmentInfo& segment);

    /// The newest record that is indexed, all before it being too or lost.
    [[nodiscard]] Lsn through() const;
    [[nodiscard]] std::uint64_t built() const noexcept { return built_.load(); }

private:
    void run(const std::stop_token& stop);
    void take(const ReadResult& result);
    /// Steps over a damaged frame: it cannot be indexed.
    void step_over(const std::stop_token& stop);
    [[nodiscard]] Result<Lsn> behind_damage(const SegmentInfo& segment, Lsn from) const;
    void advance(Lsn through);
    /// Writes the indexes of segments that have been sealed and read to their end.
    void finish_sealed();
    void build_one_missing(const std::stop_token& stop);
    void forget_retired();

    [[nodiscard]] Result<IndexPtr> load_or_build(
        const SegmentInfo& segment, const std::stop_token& stop
    );
    [[nodiscard]] Status write_index(const SegmentInfo& segment, const OpenIndex& index);
    [[nodiscard]] IndexPtr known(const SegmentInfo& segment);
    void remember(const SegmentInfo& segment, std::shared_ptr<const IndexFile> file);

    struct Cached {
        std::uint64_t number = 0;
        std::uint64_t nonce = 0;
        std::shared_ptr<const IndexFile> file;
    };

    const LogParts log_;
    Reader reader_;
    std::mutex build_mutex_;    // one index is built at a time
    mutable std::mutex mutex_;  // guards everything below, down to the blank line
    mutable std::condition_variable advanced_;
    Lsn through_;
    std::map<std::uint64_t, std::shared_ptr<OpenIndex>> open_;  // by segment number
    std::list<Cached> cache_;                                   // most recently used first
    std::size_t cached_bytes_ = 0;
    std::map<std::uint64_t, std::vector<StreamSpan>> streams_;  // of sealed segments

    std::set<std::uint64_t> sound_;        // segments whose index file was seen; the thread's own
    std::atomic<std::uint64_t> built_{0};  // relaxed: a scrape wants a recent value
    std::atomic<std::uint64_t> unreadable_{0};  // relaxed
    std::vector<metrics::Registration> registrations_;
    std::jthread thread_;  // last: stops first
};

}  // namespace penstock::journal

#pragma once

#include "config/table.h"
#include "config/units.h"
#include "journal/config.h"
#include "journal/cursor.h"
#include "journal/segment_list.h"
#include "journal/tail.h"
#include "journal/when_behind.h"
#include "penstock/clock.h"
#include "penstock/disk.h"
#include "penstock/ids.h"
#include "penstock/result.h"

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace penstock::metrics {
class Counter;
class Gauge;
class Registry;
}  // namespace penstock::metrics

namespace penstock::journal {

class Journal;

/// Keys of the table `journal:` about what is kept.
struct RetentionConfig {
    /// Delivered records are history: they go, oldest segments first, when all segments together
    /// are larger than this...
    ByteCount retain_size = 10_GiB;
    /// ... or when they were sealed longer ago than this. What a sink has not delivered stays,
    /// whatever its size and age.
    Duration retain_time = std::chrono::hours(24);
};

/// Who still needs records: a sink by its durable cursor, or a part that asked.
struct Holder {
    std::string name;
    Lsn done;  // everything up to here may go, as far as this one is concerned
    WhenBehind when_behind = WhenBehind::hold;
    bool sink = true;
};

/// A sink of the configuration, as retention sees it.
struct ExpectedSink {
    std::string name;
    WhenBehind when_behind = WhenBehind::hold;
};

/// What one sink's delay means for the journal.
struct Backlog {
    std::string sink;
    std::uint64_t bytes = 0;  // of the segments that it has still to read, about
    /// Seconds until the journal is full, should this sink alone take no more, at the present rate.
    /// Infinite for a sink that sheds, and while nothing is written.
    double runway = 0;
};

/// What retention works on. All of it outlives the retention.
struct RetentionParts {
    Disk& disk;
    const Clock& clock;
    const SegmentList& segments;
    const Tail& tail;
    CursorStore& cursors;
    std::filesystem::path directory;  // of the segments
    Config capacity;                  // max_size, disk_hard, disk_enough
    std::function<Status(std::uint64_t number)> retire;

    [[nodiscard]] static RetentionParts of(Journal& journal, const Config& config);
};

/// Deletes segments that are over size or age and that nobody needs: the durable cursor of every
/// attached sink has passed them, but for sinks that shed, which lose what is left of them. The
/// order of a deletion: the cursors are durable already; then the segment is unlinked, then its
/// folder synced. Cursors of sinks that are not attached (orphans) hold nothing. Life: construct ->
/// expect(), hold() -> start() -> stop() before the journal is closed. Threads: any thread;
/// passes of run_once() wait for each other.
class Retention {
public:
    static constexpr Nanoseconds kInterval = kSecond;

    Retention(RetentionParts parts, RetentionConfig config, metrics::Registry& registry);
    ~Retention();
    Retention(const Retention&) = delete;
    Retention& operator=(const Retention&) = delete;

    /// The sinks of the configuration. Until one of them has attached its cursor it holds
    /// everything, unless it sheds: a sink that starts late, or cannot start, loses nothing.
    void expect(std::vector<ExpectedSink> sinks);
    /// Another part that needs records (the scoring state up to its last checkpoint): `done` tells
    /// up to where not. Called from retention's thread.
    void hold(
        std::string name, std::function<Lsn()> done, WhenBehind when_behind = WhenBehind::hold
    );
    /// It needs nothing any more. Its `done` is not being called when this returns.
    void release(std::string_view name);
    /// New sizes, from the next pass on.
    void set(RetentionConfig config);

    void start();
    void stop();
    /// One pass. Returns how many segments went. Errors: io (the rest is tried again in the next
    /// pass).
    [[nodiscard]] Result<std::size_t> run_once();

    /// All that need records, the one that needs the oldest first.
    [[nodiscard]] std::vector<Holder> holders() const;
    /// Of each sink that is attached or expected, as the last pass found it.
    [[nodiscard]] std::vector<Backlog> backlogs() const;
    /// Cursors of no sink in the configuration: for the log, `ls` and the admin API.
    [[nodiscard]] Result<std::vector<CursorInfo>> orphans() const;

private:
    void run(const std::stop_token& stop);
    [[nodiscard]] bool due(const SegmentInfo& segment, std::uint64_t total_bytes) const;
    /// Counts what the segment's end takes from holders that have not passed it.
    void count_expired(const SegmentInfo& segment, const std::vector<Holder>& holders);
    void report(std::uint64_t held_bytes);
    [[nodiscard]] metrics::Gauge& runway_of(const std::string& sink) const;
    void measure_backlogs(const std::vector<Holder>& holders);
    [[nodiscard]] double reserve_seconds(const std::vector<Holder>& holders) const;
    [[nodiscard]] std::uint64_t bytes_left() const;
    [[nodiscard]] double bytes_per_second() const;

    const RetentionParts parts_;
    metrics::Registry& registry_;
    metrics::Gauge& held_bytes_;
    metrics::Gauge& reserve_;
    metrics::Counter& retired_;
    metrics::Counter& expired_;
    std::mutex pass_;           // one run_once() at a time
    mutable std::mutex mutex_;  // guards everything below but the thread
    RetentionConfig config_;
    std::vector<ExpectedSink> expected_;
    std::vector<Backlog> backlogs_;
    struct Other {
        std::string name;
        std::function<Lsn()> done;
        WhenBehind when_behind = WhenBehind::hold;
    };
    std::vector<Other> others_;
    std::jthread thread_;  // last: stops first
};

/// Seconds until `left` bytes are written; infinite when nothing is.
[[nodiscard]] double reserve(std::uint64_t left, double bytes_per_second) noexcept;

}  // namespace penstock::journal

template <>
struct penstock::config::Fields<penstock::journal::RetentionConfig> {
    static Table<journal::RetentionConfig> table();
};

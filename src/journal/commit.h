#pragma once

#include "journal/lane.h"
#include "journal/segment.h"
#include "journal/segment_list.h"
#include "journal/steward.h"
#include "journal/tail.h"
#include "penstock/clock.h"
#include "penstock/disk.h"
#include "penstock/ids.h"
#include "penstock/log_reader.h"
#include "penstock/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace penstock::metrics {
class Counter;
class Histogram;
}  // namespace penstock::metrics

namespace penstock::journal {

/// Group commit: gathers what all lanes hold, gives it LSNs in write order, writes it with one
/// write, and once that and all before it are durable moves the durable LSN and reports to the
/// lanes. Several commits are in flight at a time; they are published in order, however they
/// complete (R1).
///
/// A commit that nobody waits behind goes at once. Under load commits are at most one window apart,
/// so that one write, one wake-up and one acknowledgement serve many records; how much of the
/// window is used grows with the number of records a commit holds.
///
/// An empty frame follows at most kIdleFrame after the last commit, so that recovery can tell the
/// last acknowledged frame from a torn one.
///
/// After the first failure nothing is written and nothing is reported (R2).
/// Threads: one; it may be stepped by hand.
class Committer {
public:
    struct Options {
        JournalId journal;
        std::uint64_t segment_size = 0;
        Nanoseconds window = kMillisecond;
        std::function<void(std::span<std::byte>)> random;
    };
    struct Counters {
        metrics::Counter* commits = nullptr;
        metrics::Counter* records = nullptr;
        metrics::Counter* bytes = nullptr;
        metrics::Counter* padding = nullptr;
        metrics::Histogram* seconds = nullptr;
    };
    struct Parts {
        const Clock& clock;
        Gate& gate;
        std::vector<std::unique_ptr<Lane>>& lanes;
        Tail& tail;
        SegmentList& segments;
        Steward& steward;
    };

    Committer(
        Options options,
        const Parts& parts,
        const Counters& counters,
        std::unique_ptr<WriteQueue> queue
    );
    ~Committer();
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    /// Where the journal goes on: `next` is the first LSN to give, `hole` the LSNs before it that
    /// have no record. The first segment begins as soon as there is a spare; `obsolete` segments
    /// may go once it is durable.
    void begin(Lsn next, const std::optional<Gap>& hole, std::vector<SegmentInfo> obsolete);

    /// Takes completions, publishes, starts commits. Returns how long there is nothing to do unless
    /// a lane is rung or a write completes: pass it to sleep().
    Nanoseconds step();
    /// Waits for a completion or the bell, at most that long.
    void sleep(Nanoseconds most);
    /// Ends a sleep(). Any thread.
    void wake() noexcept { queue_->wake(); }

    /// Nothing submitted, nothing in flight.
    [[nodiscard]] bool idle() const;
    /// Something waits, but there is no segment to write it to.
    [[nodiscard]] bool stalled() const noexcept { return stalled_; }
    /// Hands the open segment to the steward as cleanly closed. Precondition: idle().
    void close();
    [[nodiscard]] const std::optional<Error>& failure() const noexcept { return failure_; }
    /// The first LSN that the next record gets.
    [[nodiscard]] Lsn next() const noexcept { return next_; }

    static constexpr Nanoseconds kIdleFrame = 500 * kMillisecond;
    /// Batches below this are packed into one frame with their neighbours; larger ones are written
    /// where they are.
    static constexpr std::size_t kPackBelow = std::size_t{64} << 10U;
    static constexpr std::size_t kPackMax = std::size_t{256} << 10U;
    /// What one commit takes at most.
    static constexpr std::size_t kCommitBytes = std::size_t{4} << 20U;
    static constexpr std::size_t kCommitFrames = 64;
    /// Waiting bytes that make a commit go before its window is over.
    static constexpr std::uint64_t kEagerBytes = std::uint64_t{512} << 10U;
    /// Records in a commit from which on the whole window is used.
    static constexpr double kBusyRecords = 16;

private:
    struct Source {
        std::uint32_t lane = 0;
        BatchPtr batch;
    };
    /// A frame in the making: one batch, or several that are packed.
    struct Draft {
        std::vector<Source> sources;
        std::size_t payload = 0;
        std::uint64_t offset = 0;

        [[nodiscard]] std::uint64_t end() const noexcept { return offset + frame_bytes(payload); }
    };
    struct Report {
        std::uint32_t lane = 0;
        Appender::Durable durable;
    };
    struct Commit {
        std::shared_ptr<OpenSegment> segment;
        std::vector<std::span<const std::byte>> parts;  // what is written
        std::vector<BatchPtr> buffers;                  // what parts point into
        std::deque<Tail::Entry> entries;                // what becomes visible
        std::vector<Report> reports;
        Nanoseconds started = 0;
        std::uint64_t offset = 0;
        std::uint64_t bytes = 0;
        std::uint64_t padding = 0;
        std::uint64_t records = 0;
        bool begins_segment = false;
        bool done = false;
    };

    enum class Start : std::uint8_t {
        done,
        later,       // when what is in flight is complete
        no_segment,  // to write to
    };

    void take_completions();
    void publish();
    void publish_front();
    void ring_lanes();
    void fail(const Error& error);

    [[nodiscard]] Nanoseconds start_commits(Nanoseconds now);
    [[nodiscard]] bool something_waits() const;
    [[nodiscard]] Nanoseconds due(Nanoseconds now) const;
    [[nodiscard]] Start start_commit(Nanoseconds now);
    [[nodiscard]] std::vector<Draft> gather();
    [[nodiscard]] bool add_front(std::vector<Draft>& drafts, std::uint32_t lane);
    void build(Commit& commit, const Draft& draft);
    void pack(const Draft& draft, Batch& buffer, FrameHeader& header) const;
    void add_frame(Commit& commit, FrameHeader header, const BatchPtr& buffer);
    void write(std::unique_ptr<Commit> commit, Nanoseconds now);
    void write_hole(Nanoseconds now);
    [[nodiscard]] Nanoseconds idle_frame(Nanoseconds now);
    [[nodiscard]] Start roll(Nanoseconds now);

    const Options options_;
    Parts parts_;
    Counters counters_;

    std::shared_ptr<OpenSegment> open_;
    bool begun_ = false;                              // its header is durable: frames may follow
    std::deque<std::shared_ptr<OpenSegment>> ended_;  // rolled, not yet handed to the steward
    std::deque<std::unique_ptr<Commit>> in_flight_;   // in LSN order; bound: depth of the queue
    std::uint64_t first_token_ = 0;                   // of in_flight_.front()
    Lsn next_{1};
    Lsn covered_;              // the highest committed_through that was written
    std::optional<Gap> hole_;  // to be written first
    std::vector<SegmentInfo> obsolete_;
    std::uint32_t first_lane_ = 0;  // where gathering starts: fair over time
    Nanoseconds last_start_ = 0;
    Nanoseconds last_publish_ = 0;
    double records_per_commit_ = 0;  // moving average
    bool bell_wanted_ = true;        // a lane's next batch shall end the sleep
    bool stalled_ = false;
    std::vector<WriteQueue::Done> done_;
    std::optional<Error> failure_;
    std::unique_ptr<WriteQueue> queue_;  // last: gone before the buffers that it writes
};

}  // namespace penstock::journal

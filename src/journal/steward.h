#pragma once

#include "journal/config.h"
#include "journal/lane.h"
#include "journal/segment.h"
#include "journal/segment_list.h"
#include "penstock/clock.h"
#include "penstock/disk.h"
#include "penstock/result.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

namespace penstock::journal {

/// What the commit thread must never wait for: keeps one segment prepared, seals the ones that are
/// full, and watches the space. No space is a state, not a failure: the gate is shut and opens
/// again when there is space. A segment that cannot be sealed is a failure.
/// Life: construct -> start() or step() by hand -> stop().
/// Threads: take_spare(), seal() and failure() the commit thread; step() one thread.
class Steward {
public:
    struct Options {
        std::filesystem::path directory;
        std::uint64_t segment_size = 0;
        std::uint64_t max_size = 0;
        std::uint32_t disk_soft = 80;
        std::uint32_t disk_hard = 90;
        std::uint64_t disk_enough = 0;
        OpenMode mode = OpenMode::write;
        std::uint64_t next_number = 1;
        std::function<std::uint64_t()> written;  // bytes so far, for the rate
    };
    /// A full segment whose frames are all durable, with the header of the next one.
    struct Full {
        SegmentInfo info;
        SegmentFooter footer;
    };

    Steward(Options options, Disk& disk, const Clock& clock, Gate& gate, SegmentList& segments);
    ~Steward();
    Steward(const Steward&) = delete;
    Steward& operator=(const Steward&) = delete;

    void set_on_sealed(std::function<void(const SegmentInfo&)> sealed) {
        on_sealed_ = std::move(sealed);
    }
    void start();
    /// Seals what was handed over, ends the thread, removes the spare.
    void stop();
    /// Does what there is to do. Returns how long nothing will be, unless the commit thread asks.
    Nanoseconds step();

    /// A prepared segment; nothing while it is in the making or there is no space.
    [[nodiscard]] std::optional<SpareSegment> take_spare();
    void seal(Full full);
    /// Removes segments that hold nothing.
    void discard(std::vector<SegmentInfo> segments);
    /// Why a segment could not be sealed.
    [[nodiscard]] std::optional<Error> failure() const;
    /// Above the soft mark.
    [[nodiscard]] bool low() const noexcept { return low_.load(std::memory_order_relaxed); }

    /// Time until the hard mark at the rate of the last minute or so; infinite when nothing is
    /// written.
    [[nodiscard]] double runway_seconds() const noexcept {
        return runway_.load(std::memory_order_relaxed);
    }

    /// How often space is looked at, and how soon taking records resumes after it returned.
    static constexpr Nanoseconds kWatchInterval = 500 * kMillisecond;
    /// Kept so that cursors can be written when nothing else can; a segment's size if that is less.
    static constexpr std::uint64_t kBallastBytes = std::uint64_t{1} << 20U;

private:
    struct Space {
        bool low = false;
        bool full = false;
        std::uint64_t available = 0;
        std::uint64_t until_full = 0;  // bytes
    };

    void run();
    void seal_waiting();
    void remove_discarded();
    void watch();
    [[nodiscard]] Result<Space> look() const;
    void prepare(const Space& space);
    void keep_ballast(const Space& space);
    [[nodiscard]] std::uint64_t ballast_bytes() const noexcept {
        return std::min(kBallastBytes, options_.segment_size);
    }
    void measure(const Space& space, Nanoseconds now);
    void set_full(bool full, std::string_view why);
    void fail(const Error& error);

    Options options_;
    Disk& disk_;
    const Clock& clock_;
    Gate& gate_;
    SegmentList& segments_;
    std::function<void(const SegmentInfo&)> on_sealed_;
    std::atomic<bool> low_{false};  // relaxed: a report
    bool ballast_ = false;
    bool out_of_space_ = false;  // the last try to prepare found none
    Nanoseconds measured_ = 0;
    std::uint64_t written_ = 0;
    double bytes_per_second_ = 0;                                          // moving average
    std::atomic<double> runway_{std::numeric_limits<double>::infinity()};  // relaxed: a report

    mutable std::mutex mutex_;  // guards everything below
    std::condition_variable asked_;
    std::optional<SpareSegment> spare_;
    std::deque<Full> full_;
    std::vector<SegmentInfo> discarded_;
    std::optional<Error> failure_;
    bool something_asked_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace penstock::journal

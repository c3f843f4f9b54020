#include "journal/journal.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/posix_error.h"
#include "journal/commit.h"
#include "journal/cursor.h"
#include "journal/io_choice.h"
#include "journal/journal_metrics.h"
#include "journal/lane.h"
#include "journal/steward.h"

#include <pthread.h>
#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace penstock::journal {

namespace {

/// Empty batches that a shard keeps for use after a burst.
constexpr std::size_t kBatchesKept = 16;

void system_random(std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t got = ::getrandom(out.data(), out.size(), 0);
        if (got > 0) out = out.subspan(static_cast<std::size_t>(got));
        if (got < 0 && errno != EINTR)
            std::abort();  // a kernel without randomness: nothing can be named
    }
}

/// The parts of the journal, joined. Construction order is the order of use; destruction the
/// reverse.
class LocalJournal final : public Journal {
public:
    LocalJournal(
        Options options,
        Disk& disk,
        const Clock& clock,
        metrics::Registry& registry,
        std::unique_ptr<DiskLock> lock,
        const Recovered& recovered,
        IoChoice io
    )
        : options_(std::move(options)),
          disk_(disk),
          clock_(clock),
          lock_(std::move(lock)),
          id_(recovered.id),
          report_(recovered.report),
          io_mode_(io.mode),
          tail_(options_.config.memory_tail.value) {
        make_lanes();
        for (const SegmentInfo& segment : recovered.segments)
            segments_.add(segment);
        tail_.start_at(report_.tail);
        const Committer::Counters counters = commit_counters(registry);
        Steward::Options steward = steward_options(recovered, io.queue->file_mode());
        steward.written = [bytes = counters.bytes] { return bytes->value(); };
        steward_.emplace(std::move(steward), disk_, clock_, gate_, segments_);
        committer_.emplace(
            Committer::Options{
                id_,
                options_.config.segment_size.value,
                options_.config.commit_window.count(),
                options_.random
            },
            Committer::Parts{clock_, gate_, lanes_, tail_, segments_, *steward_},
            counters,
            std::move(io.queue)
        );
        gate_.wake = [this] { committer_->wake(); };
        committer_->begin(report_.next, recovered.hole, recovered.empty);
        count_recovery(report_, registry);
        exported_ = export_journal(*this, *steward_, registry);
    }

    ~LocalJournal() override {
        if (!thread_.joinable()) return;
        abandoned_.store(true, std::memory_order_release);
        committer_->wake();
        thread_.join();
        steward_->stop();
    }
    LocalJournal(const LocalJournal&) = delete;
    LocalJournal& operator=(const LocalJournal&) = delete;

    Status open_cursors(metrics::Registry& registry) {
        CursorStore::Options options;
        options.directory = options_.directory / kCursorFolder;
        options.journal = id_;
        options.recovered = report_.tail;
        options.durable = [this] { return durable(); };
        PS_TRY(cursors_, CursorStore::open(std::move(options), disk_, clock_, registry));
        return {};
    }

    void set_waker(ShardId shard, std::function<void()> wake) override {
        lanes_[shard.value]->waker = std::move(wake);
    }
    void set_on_failed(std::function<void(const Error&)> failed) override {
        on_failed_ = std::move(failed);
    }
    void set_on_sealed(std::function<void(const SegmentInfo&)> sealed) override {
        steward_->set_on_sealed(std::move(sealed));
    }

    void start() override {
        steward_->start();
        thread_ = std::thread([this] { run(); });
        ::pthread_setname_np(thread_.native_handle(), "journal-commit");
    }

    void step() override {
        steward_->step();
        static_cast<void>(commit_step());
    }

    Status close() override {
        if (closed_.exchange(true)) return {};
        gate_.closing.store(true, std::memory_order_release);
        committer_->wake();
        if (thread_.joinable()) {
            thread_.join();
        } else {
            while (commit_step())
                steward_->step();
        }
        steward_->stop();
        tail_.close();
        if (committer_->failure()) return *committer_->failure();
        if (const auto error = steward_->failure()) return *error;
        if (!committer_->idle()) {
            return Error{Errc::full, "the journal is full: what was not acknowledged is not kept"};
        }
        log::info("the journal is closed", {{"durable_lsn", durable().value}});
        return {};
    }

    Appender& appender(ShardId shard) override { return *lanes_[shard.value]; }

    State state() const noexcept override {
        if (gate_.failed.load(std::memory_order_acquire)) return State::failed;
        if (gate_.closing.load(std::memory_order_acquire)) return State::closed;
        if (gate_.full.load(std::memory_order_acquire)) return State::full;
        return steward_->low() ? State::low : State::open;
    }

    const JournalId& id() const noexcept override { return id_; }
    const RecoveryReport& recovery() const noexcept override { return report_; }
    std::string_view io_mode() const noexcept override { return io_mode_; }
    const std::filesystem::path& directory() const noexcept override { return options_.directory; }
    Disk& disk() noexcept override { return disk_; }
    const Clock& clock() const noexcept override { return clock_; }
    const Tail& tail() const noexcept override { return tail_; }
    const SegmentList& segments() const noexcept override { return segments_; }
    CursorStore& cursors() noexcept override { return *cursors_; }

    Lsn oldest() const override { return segments_.oldest().value_or(durable().next()); }

    Status retire(std::uint64_t number) override {
        const std::lock_guard one_at_a_time(retire_mutex_);
        const auto segments = segments_.all();
        // The newest stays until the next has begun: without any, a start could not tell a journal
        // that has delivered everything from one that was lost.
        const bool may_go =
            segments.size() > 1 && segments.front().number == number && segments.front().sealed;
        if (!may_go) {
            return Error{
                Errc::invalid_argument,
                "segment " + std::to_string(number) +
                    " is not the oldest sealed one, or there is no newer one"
            };
        }
        const SegmentInfo& oldest = segments.front();
        // Out of the list first: a reader that looks it up finds it expired instead of missing.
        segments_.drop(number);
        if (Status removed = disk_.remove(oldest.path); !removed.ok()) {
            segments_.add(oldest);
            return removed;
        }
        if (const Status index = disk_.remove(index_path(oldest.path));
            !index.ok() && index.error().code != Errc::not_found) {
            return index;
        }
        return disk_.sync_directory(options_.directory);
    }

private:
    void make_lanes() {
        Lane::Limits limits;
        limits.batch_size = options_.config.batch_size.value;
        limits.record_max = options_.config.record_max.value;
        limits.payload_max = payload_max(options_.config.segment_size.value);
        limits.ring = options_.config.ring;
        limits.keep = std::min<std::size_t>(limits.ring, kBatchesKept);
        for (std::uint32_t i = 0; i < options_.shards; ++i) {
            lanes_.push_back(std::make_unique<Lane>(gate_, limits));
        }
    }

    Steward::Options steward_options(const Recovered& recovered, OpenMode mode) const {
        Steward::Options options;
        options.directory = options_.directory;
        options.segment_size = options_.config.segment_size.value;
        options.max_size = options_.config.max_size.value;
        options.disk_soft = options_.config.disk_soft;
        options.disk_hard = options_.config.disk_hard;
        options.disk_enough = options_.config.disk_enough.value;
        options.mode = mode;
        options.next_number = recovered.next_number;
        return options;
    }

    void run() {
        while (!abandoned_.load(std::memory_order_acquire)) {
            const auto quiet = commit_step();
            if (!quiet) return;
            committer_->sleep(*quiet);
        }
    }

    /// One step; nothing when it was the last.
    std::optional<Nanoseconds> commit_step() {
        if (ended_) return {};
        const Nanoseconds quiet = committer_->step();
        if (committer_->failure()) {
            failed(*committer_->failure());
        } else if (gate_.closing.load(std::memory_order_acquire)) {
            if (committer_->idle()) {
                committer_->close();
                ended_ = true;
            }
            // With the disk full nothing more will be written: it was never acknowledged.
            if (committer_->stalled() && gate_.full.load(std::memory_order_acquire)) ended_ = true;
        }
        if (ended_) return {};
        return quiet;
    }

    void failed(const Error& error) {
        ended_ = true;
        tail_.close();
        if (on_failed_) on_failed_(error);
    }

    Options options_;
    Disk& disk_;
    const Clock& clock_;
    std::unique_ptr<DiskLock> lock_;
    JournalId id_;
    RecoveryReport report_;
    std::string_view io_mode_;
    Gate gate_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    SegmentList segments_;
    Tail tail_;
    std::unique_ptr<CursorStore> cursors_;
    std::optional<Steward> steward_;
    std::optional<Committer> committer_;
    std::function<void(const Error&)> on_failed_;
    std::mutex retire_mutex_;
    std::atomic<bool> closed_{false};
    std::atomic<bool> abandoned_{false};  // destroyed without close()
    bool ended_ = false;                  // the commit thread's: it took its last step
    std::thread thread_;
    std::vector<metrics::Registration> exported_;  // last: gone before what the callbacks read
};

}  // namespace

std::string_view name(State state) noexcept {
    switch (state) {
        case State::open:
            return "open";
        case State::low:
            return "low";
        case State::full:
            return "full";
        case State::failed:
            return "failed";
        case State::closed:
            return "closed";
    }
    return "unknown";
}

Result<std::unique_ptr<Journal>> Journal::open(
    Options options, Disk& disk, const Clock& clock, metrics::Registry& registry
) {
    if (options.shards == 0) return Error{Errc::invalid_argument, "a journal needs a shard"};
    if (!options.random) options.random = system_random;
    PS_CHECK(disk.make_directory(options.directory));
    PS_TRY(auto lock, disk.lock(options.directory / kLockName));
    RecoveryInputs inputs;
    inputs.directory = options.directory;
    inputs.on_corruption = options.config.on_corruption;
    inputs.random = options.random;
    inputs.now = clock.wall();
    inputs.highest_elsewhere = [&](const JournalId& id) {
        return CursorStore::highest_seen(disk, options.directory / kCursorFolder, id);
    };
    const Nanoseconds begin = clock.monotonic();
    PS_TRY(Recovered recovered, recover(inputs, disk));
    PS_TRY(
        IoChoice io,
        choose_io(options.config.io, options.config.commits_in_flight, disk, options.directory)
    );
    log::info(
        "the journal is open",
        {{"directory", options.directory.string()},
         {"journal", recovered.id.text()},
         {"segments", recovered.segments.size()},
         {"tail_lsn", recovered.report.tail.value},
         {"next_lsn", recovered.report.next.value},
         {"clean", recovered.report.clean},
         {"torn_bytes", recovered.report.torn_bytes},
         {"read_bytes", recovered.report.read_bytes},
         {"recovery_seconds", std::chrono::nanoseconds(clock.monotonic() - begin)},
         {"io", io.mode},
         {"why_not_uring", io.why_sync}}
    );
    auto journal = std::make_unique<LocalJournal>(
        std::move(options),
        disk,
        clock,
        registry,
        std::move(lock),
        std::move(recovered),
        std::move(io)
    );
    PS_CHECK(journal->open_cursors(registry));
    return std::unique_ptr<Journal>(std::move(journal));
}

}  // namespace penstock::journal

#include "journal/steward.h"

#include "base/log.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::journal {

Steward::Steward(Options options, Disk& disk, const Clock& clock, Gate& gate, SegmentList& segments)
    : options_(std::move(options)), disk_(disk), clock_(clock), gate_(gate), segments_(segments) {}

Steward::~Steward() {
    if (thread_.joinable()) stop();
}

void Steward::start() {
    thread_ = std::thread([this] { run(); });
    ::pthread_setname_np(thread_.native_handle(), "journal-steward");
}

void Steward::run() {
    for (;;) {
        const Nanoseconds quiet = step();
        std::unique_lock lock(mutex_);
        asked_.wait_for(lock, std::chrono::nanoseconds(quiet), [this] {
            return something_asked_ || stopping_;
        });
        something_asked_ = false;
        if (stopping_) return;
    }
}

void Steward::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    asked_.notify_one();
    if (thread_.joinable()) thread_.join();
    seal_waiting();
    // A spare left behind costs its size until the next start, which removes it: nothing depends on
    // this.
    if (const auto spare = take_spare()) {
        [[maybe_unused]] const Status removed = disk_.remove(spare->path);
    }
}

Nanoseconds Steward::step() {
    seal_waiting();
    remove_discarded();
    watch();
    return kWatchInterval;
}

// ---- sealing ------------------------------------------------------------------------------------

void Steward::seal(Full full) {
    {
        const std::lock_guard lock(mutex_);
        full_.push_back(std::move(full));
        something_asked_ = true;
    }
    asked_.notify_one();
}

void Steward::seal_waiting() {
    for (;;) {
        Full next;
        {
            const std::lock_guard lock(mutex_);
            if (full_.empty() || failure_) return;
            next = std::move(full_.front());
            full_.pop_front();
        }
        if (const Status status = seal_segment(disk_, next.info.path, next.footer); !status.ok()) {
            return fail(status.error());
        }
        next.info.last = {next.footer.last};
        next.info.records = next.footer.records;
        next.info.bytes = next.footer.offset + kBlock;
        next.info.sealed = true;
        next.info.sealed_at = next.footer.sealed;
        segments_.update(next.info);
        if (on_sealed_) on_sealed_(next.info);
    }
}

void Steward::discard(std::vector<SegmentInfo> segments) {
    {
        const std::lock_guard lock(mutex_);
        discarded_ = std::move(segments);
        something_asked_ = true;
    }
    asked_.notify_one();
}

void Steward::remove_discarded() {
    std::vector<SegmentInfo> segments;
    {
        const std::lock_guard lock(mutex_);
        segments.swap(discarded_);
    }
    for (const SegmentInfo& segment : segments) {
        // One that stays is found empty again at the next start.
        if (const Status removed = disk_.remove(segment.path); !removed.ok()) {
            log::warn("an empty segment cannot be removed", {{"error", removed.error().message}});
        }
    }
}

void Steward::fail(const Error& error) {
    {
        const std::lock_guard lock(mutex_);
        failure_ = error;
    }
    gate_.ring_bell();
}

std::optional<Error> Steward::failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

// ---- the spare ----------------------------------------------------------------------------------

std::optional<SpareSegment> Steward::take_spare() {
    std::optional<SpareSegment> taken;
    {
        const std::lock_guard lock(mutex_);
        taken = std::exchange(spare_, std::nullopt);
        something_asked_ = true;
    }
    asked_.notify_one();
    return taken;
}

void Steward::prepare(const Space& space) {
    {
        const std::lock_guard lock(mutex_);
        if (spare_ || stopping_) return;
    }
    // Without the ballast some space is left alone, so that cursors have it.
    const std::uint64_t reserve = ballast_ ? 0 : 2 * ballast_bytes();
    if (space.available < options_.segment_size + reserve) {
        out_of_space_ = true;
        return;
    }
    auto made = prepare_segment(
        disk_, options_.directory, options_.next_number++, options_.segment_size, options_.mode
    );
    out_of_space_ = !made.ok();
    if (!made.ok()) {
        log::warn("the next segment cannot be prepared", {{"error", made.error().message}});
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        spare_ = std::move(made).value();
    }
    gate_.ring_bell();
}

// ---- space --------------------------------------------------------------------------------------

void Steward::watch() {
    const auto space = look();
    if (!space.ok()) {
        log::warn("the file system does not tell its space", {{"error", space.error().message}});
        return;
    }
    if (low_.exchange(space->low, std::memory_order_relaxed) != space->low) {
        log::warn(
            space->low ? "the journal's disk is nearly full" : "the journal's disk has space again",
            {{"available_bytes", space->available}, {"journal_bytes", segments_.bytes()}}
        );
    }
    measure(*space, clock_.monotonic());
    keep_ballast(*space);
    if (!space->full) prepare(*space);
    set_full(
        space->full || out_of_space_, space->full ? "hard mark" : "no space for the next segment"
    );
}

Result<Steward::Space> Steward::look() const {
    PS_TRY(const DiskSpace disk, disk_.space(options_.directory));
    const auto mark = [](std::uint64_t total, std::uint32_t percent) {
        return static_cast<std::uint64_t>(static_cast<double>(total) / 100 * percent);
    };
    const auto rest = [](std::uint64_t most, std::uint64_t used) {
        return most > used ? most - used : 0;
    };
    const std::uint64_t used = rest(disk.total, disk.available);
    const bool scarce = disk.available < options_.disk_enough || options_.disk_enough == 0;
    Space space;
    space.available = disk.available;
    space.low = scarce && used > mark(disk.total, options_.disk_soft);
    space.full = scarce && used > mark(disk.total, options_.disk_hard);
    const std::uint64_t to_enough =
        options_.disk_enough == 0 ? 0 : rest(disk.available, options_.disk_enough);
    space.until_full = std::max(rest(mark(disk.total, options_.disk_hard), used), to_enough);
    if (options_.max_size == 0) return space;
    const std::uint64_t ours = segments_.bytes();
    space.low = space.low || ours > mark(options_.max_size, options_.disk_soft);
    space.full = space.full || ours > mark(options_.max_size, options_.disk_hard);
    space.until_full =
        std::min(space.until_full, rest(mark(options_.max_size, options_.disk_hard), ours));
    return space;
}

void Steward::measure(const Space& space, Nanoseconds now) {
    constexpr double kAverageSeconds = 30;
    const std::uint64_t written = options_.written ? options_.written() : 0;
    const double seconds = static_cast<double>(now - measured_) / static_cast<double>(kSecond);
    if (measured_ != 0 && seconds > 0) {
        const double rate = static_cast<double>(written - written_) / seconds;
        const double weight = std::min(1.0, seconds / kAverageSeconds);
        bytes_per_second_ += (rate - bytes_per_second_) * weight;
    }
    measured_ = now;
    written_ = written;
    const double runway = bytes_per_second_ < 1
                              ? std::numeric_limits<double>::infinity()
                              : static_cast<double>(space.until_full) / bytes_per_second_;
    runway_.store(runway, std::memory_order_relaxed);
}

void Steward::keep_ballast(const Space& space) {
    const auto path = options_.directory / kBallastName;
    const bool wanted = !space.full && !out_of_space_;
    if (wanted == ballast_) return;
    if (!wanted) {
        ballast_ = false;
        if (const Status removed = disk_.remove(path); !removed.ok()) {
            log::warn("the ballast file cannot be removed", {{"error", removed.error().message}});
        }
        return;
    }
    const Status made = make_zero_file(disk_, path, ballast_bytes());
    // One of an earlier run serves as well.
    ballast_ = made.ok() || made.error().code == Errc::conflict;
}

void Steward::set_full(bool full, std::string_view why) {
    if (gate_.full.exchange(full, std::memory_order_acq_rel) == full) return;
    if (full) {
        log::error(
            "the journal is full: no records are taken until space returns",
            {{"why", why}, {"journal_bytes", segments_.bytes()}}
        );
    } else {
        log::info("the journal takes records again", {{"journal_bytes", segments_.bytes()}});
    }
    gate_.ring_bell();
}

}  // namespace penstock::journal

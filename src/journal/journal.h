#pragma once

#include "journal/config.h"
#include "journal/format.h"
#include "journal/recovery.h"
#include "journal/segment_list.h"
#include "journal/tail.h"
#include "penstock/batch.h"
#include "penstock/clock.h"
#include "penstock/disk.h"
#include "penstock/ids.h"
#include "penstock/log_reader.h"
#include "penstock/result.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::metrics {
class Registry;
}

namespace penstock::journal {

class CursorStore;

/// Whether the journal takes records.
enum class State : std::uint8_t {
    open,
    low,     // above the soft mark: takes records, warn
    full,    // above the hard mark or no space for the next segment: takes none until space returns
    failed,  // a write or sync failed: takes none for good (R2); the process must end
    closed,
};
[[nodiscard]] std::string_view name(State state) noexcept;

struct Options {
    std::filesystem::path directory;  // data_dir/journal
    Config config;
    std::uint32_t shards = 1;
    /// Fills with random bytes (identity, nonces). Default: the system's.
    std::function<void(std::span<std::byte>)> random;
};

/// The node's one log: takes batches from shards, makes them durable, hands them to readers.
/// Life: open() -> set_waker() for each shard, set_on_failed(), set_on_sealed() -> start() ->
/// close(). A journal that is destroyed without close() leaves its files as a crash would, but for
/// what was under way.
/// Promises: nothing is reported durable, or shown to a reader, before it would survive a power cut
/// (R1); an LSN is never given twice; after the first error of a write or sync nothing is reported
/// any more (R2).
/// Threads: as said at each function; unless said, any thread.
class Journal {
public:
    /// Takes the lock, recovers, and opens the first segment. The disk, clock and registry must
    /// outlive the journal.
    /// Errors: conflict (another process has the directory, or a file is of another journal),
    /// corrupt (acknowledged records are damaged or missing; the message names them and the
    /// remedy), full, unsupported, io.
    [[nodiscard]] static Result<std::unique_ptr<Journal>> open(
        Options options, Disk& disk, const Clock& clock, metrics::Registry& registry
    );
    virtual ~Journal() = default;

    /// Called by the commit thread when that shard has something to poll() or may submit() again:
    /// at most once a commit. Set before start().
    virtual void set_waker(ShardId shard, std::function<void()> wake) = 0;
    /// Called once, by the commit thread, when the journal failed: end the process with code 74.
    virtual void set_on_failed(std::function<void(const Error&)> failed) = 0;
    /// Called by the background thread after a segment is sealed and durable.
    virtual void set_on_sealed(std::function<void(const SegmentInfo&)> sealed) = 0;
    /// Starts the commit thread and the background thread.
    virtual void start() = 0;
    /// Instead of start(): does what the two threads would do now, on the caller's. For a
    /// simulation that owns time.
    virtual void step() = 0;
    /// Commits what was submitted, seals the segment as cleanly closed, ends the threads. Shards
    /// have stopped submitting.
    /// Errors: what made the journal fail.
    [[nodiscard]] virtual Status close() = 0;

    /// A shard's end. Lives as long as the journal.
    [[nodiscard]] virtual Appender& appender(ShardId shard) = 0;
    [[nodiscard]] virtual State state() const noexcept = 0;
    [[nodiscard]] bool full() const noexcept { return state() == State::full; }

    [[nodiscard]] virtual const JournalId& id() const noexcept = 0;
    [[nodiscard]] virtual const RecoveryReport& recovery() const noexcept = 0;
    /// `uring` or `sync`.
    [[nodiscard]] virtual std::string_view io_mode() const noexcept = 0;
    [[nodiscard]] virtual const std::filesystem::path& directory() const noexcept = 0;
    [[nodiscard]] virtual Disk& disk() noexcept = 0;
    [[nodiscard]] virtual const Clock& clock() const noexcept = 0;

    [[nodiscard]] virtual const Tail& tail() const noexcept = 0;
    [[nodiscard]] virtual const SegmentList& segments() const noexcept = 0;
    /// The newest durable LSN.
    [[nodiscard]] Lsn durable() const noexcept { return tail().durable(); }
    /// The oldest LSN that is kept; durable() + 1 when none is.
    [[nodiscard]] virtual Lsn oldest() const = 0;
    /// Unlinks a sealed segment and its index, durably. Whether it may go is the caller's to know
    /// (retention). It must be the oldest, and not the only one. Errors: invalid_argument (open,
    /// unknown, not the oldest, or the only one), io.
    [[nodiscard]] virtual Status retire(std::uint64_t number) = 0;

    [[nodiscard]] virtual CursorStore& cursors() noexcept = 0;
    /// An independent reader, positioned at the oldest LSN. Defined beside the reader, in
    /// reader.cpp.
    [[nodiscard]] std::unique_ptr<LogReader> reader();
};

}  // namespace penstock::journal

#pragma once

#include "journal/cursor_format.h"
#include "penstock/clock.h"
#include "penstock/disk.h"
#include "penstock/ids.h"
#include "penstock/result.h"
#include "penstock/sink.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::metrics {
class Counter;
class Registry;
}  // namespace penstock::metrics

namespace penstock::journal {

/// How far a sink is safe. There is no other way to make one than from what a far side confirmed,
/// or from what an operator decided, so a cursor cannot be moved by a mistake (R3). Threads:
/// immutable.
class Confirmed {
public:
    [[nodiscard]] static Confirmed by(const SinkProgress& progress) noexcept {
        return {progress.safe, false};
    }
    /// Where an operator or the configuration lets a sink begin or go back to (`start: newest`,
    /// `replay`): the records up to here are not for it.
    [[nodiscard]] static Confirmed chosen(Lsn lsn) noexcept { return {lsn, true}; }

    [[nodiscard]] Lsn lsn() const noexcept { return lsn_; }
    [[nodiscard]] bool chosen() const noexcept { return chosen_; }

private:
    friend class Cursor;
    Confirmed(Lsn lsn, bool chosen) noexcept : lsn_(lsn), chosen_(chosen) {}
    Lsn lsn_;
    bool chosen_;
};

class CursorStore;

/// One sink's durable position, and what the sink itself has to remember (at most kCursorStateMax
/// bytes). Threads: save() and state() the sink's runner; the others any thread.
class Cursor {
public:
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;

    [[nodiscard]] const std::string& sink() const noexcept { return sink_; }
    /// True when there was no cursor, or none that could be read: lsn() is 0 then, and the sink
    /// begins at the oldest record unless its configuration says otherwise.
    [[nodiscard]] bool fresh() const noexcept { return fresh_; }
    /// The last record that is confirmed, durably: the sink goes on at lsn().next().
    /// Released by save(), acquired by retention.
    [[nodiscard]] Lsn lsn() const noexcept { return {lsn_.load(std::memory_order_acquire)}; }
    /// The same, to save other state beside an unmoved position.
    [[nodiscard]] Confirmed position() const noexcept { return {lsn(), false}; }
    /// The sink's own bytes as last saved. Valid until the next save().
    [[nodiscard]] std::span<const std::byte> state() const noexcept { return state_; }

    /// Makes position and state durable: temporary file, fdatasync, rename, directory sync. Costs
    /// two device flushes: not oftener than every kSaveInterval. On error nothing moved and a later
    /// save may succeed (in a new file). Errors: invalid_argument (beyond the durable LSN, or
    /// backwards without being chosen), too_large (state), full, io.
    [[nodiscard]] Status save(Confirmed confirmed, std::span<const std::byte> state);
    /// The same with the state unchanged.
    [[nodiscard]] Status save(Confirmed confirmed);

    static constexpr Nanoseconds kSaveInterval = 100 * kMillisecond;

private:
    friend class CursorStore;
    Cursor(CursorStore& store, std::string sink) : store_(store), sink_(std::move(sink)) {}

    CursorStore& store_;
    const std::string sink_;
    bool fresh_ = true;
    std::atomic<std::uint64_t> lsn_{0};
    std::uint64_t generation_ = 0;
    std::vector<std::byte> state_;
    metrics::Counter* saves_ = nullptr;
    metrics::Counter* errors_ = nullptr;
};

using CursorPtr = std::shared_ptr<Cursor>;

/// A cursor as `journal ls`, `check` and the admin API show it.
struct CursorInfo {
    std::string sink;
    Lsn lsn;
    std::uint64_t generation = 0;
    Nanoseconds saved_at = 0;
    std::vector<std::byte> state;  // what the sink keeps with its position
    bool attached = false;  // false: an orphan, of no sink in the configuration; holds nothing
    std::string problem;    // empty: sound
};

/// The cursors of all sinks: two files a sink, `<sink>.cursor.0` and `.1`, written in turn, so that
/// the generation before the newest is always whole. A bad or missing newest falls back to the
/// older one, then to the oldest record: behind is safe, ahead is loss. Files of another journal id
/// are refused: its LSNs mean other records. Threads: any thread. The store outlives its cursors.
class CursorStore {
public:
    struct Options {
        std::filesystem::path directory;
        JournalId journal;
        /// The last record that survived the start. Cursors beyond it are set back to it in memory
        /// and counted (penstock_journal_cursor_ahead_total): the records between are gone. Their
        /// LSNs are not given again, because highest_seen() was asked first.
        Lsn recovered;
        /// The newest durable LSN, at any time.
        std::function<Lsn()> durable;
    };

    /// The highest LSN any cursor file of this journal names; 0 when there is none. Asked before
    /// LSNs are given. Errors: unsupported (a cursor file of a newer version, named), io.
    [[nodiscard]] static Result<Lsn> highest_seen(
        Disk& disk, const std::filesystem::path& directory, const JournalId& journal
    );

    /// Makes the folder when it is missing and removes temporary files of an interrupted save.
    [[nodiscard]] static Result<std::unique_ptr<CursorStore>> open(
        Options options, Disk& disk, const Clock& clock, metrics::Registry& registry
    );

    /// The sink's cursor. From now on it holds records back from retention. The same cursor when
    /// asked again. Errors: invalid_argument (not a sink id), conflict (the file is of another
    /// journal or names another sink), unsupported, io. Each names the file and the remedy.
    [[nodiscard]] Result<CursorPtr> attach(std::string_view sink);
    /// The sink is no longer in the configuration: its cursor holds nothing any more. The file
    /// stays.
    void detach(std::string_view sink);
    /// Deletes the files of a detached sink. Errors: conflict (attached), not_found, io.
    [[nodiscard]] Status remove(std::string_view sink);

    /// The lowest position of all attached sinks; nothing when there is none. Retention stops
    /// there.
    [[nodiscard]] std::optional<Lsn> lowest() const;
    [[nodiscard]] std::vector<CursorPtr> attached() const;
    /// All cursor files, orphans and bad ones too.
    [[nodiscard]] Result<std::vector<CursorInfo>> list() const;
    /// The same of a journal that is not open.
    [[nodiscard]] static Result<std::vector<CursorInfo>> list(
        Disk& disk, const std::filesystem::path& directory, const JournalId& journal
    );

private:
    friend class Cursor;
    CursorStore(Options options, Disk& disk, const Clock& clock, metrics::Registry& registry);
    [[nodiscard]] Status load(Cursor& cursor);
    [[nodiscard]] Status write(const CursorImage& image);

    const Options options_;
    Disk& disk_;
    const Clock& clock_;
    metrics::Registry& registry_;
    metrics::Counter& ahead_;
    metrics::Counter& unreadable_;
    mutable std::mutex mutex_;  // guards attached_
    std::map<std::string, CursorPtr, std::less<>> attached_;
};

}  // namespace penstock::journal

#pragma once

#include "config/table.h"
#include "config/units.h"
#include "journal/quarantine_format.h"
#include "journal/quarantine_marks.h"
#include "penstock/clock.h"
#include "penstock/disk.h"
#include "penstock/ids.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::metrics {
class Registration;
class Registry;
}  // namespace penstock::metrics

namespace penstock::journal {

/// The table `quarantine:`.
struct QuarantineConfig {
    /// Copies of records that far sides refused. At the bound the sink that needs room stops and
    /// raises an alarm: nothing refused is ever dropped.
    ByteCount max_size = 1_GiB;
};

/// A record to be put aside. Views live for the call.
struct RefusedCopy {
    Lsn lsn;
    std::string_view reason;
    std::span<const std::byte> record;
};

struct QuarantineQuery {
    std::string_view sink;      // empty: every sink
    QuarantineSpot after;       // QuarantinePage::next of the page before
    std::uint32_t limit = 100;  // 1 .. 1,000
};

/// An entry as it is listed.
struct QuarantineListed {
    QuarantineEntry entry;
    JournalId journal;     // with entry.lsn the record's id
    QuarantineSpot spot;   // where it ends
    QuarantineSpot after;  // where to begin so that it comes next: QuarantineQuery::after
};

/// What became of an entry that is settled.
enum class QuarantineFate : std::uint8_t { redriven, dropped };

/// Entries of one sink that are settled together.
struct QuarantineSettling {
    struct Entry {
        Lsn lsn;
        QuarantineSpot spot;
        QuarantineSpot after;  // where the one of the same sink before it ends, or nearer
    };
    std::string_view sink;
    QuarantineFate fate = QuarantineFate::redriven;
    Lsn base;  // of the sink's balance; entries above it are counted, each LSN once
    std::span<const Entry> entries;
};

struct QuarantinePage {
    std::vector<QuarantineListed> entries;  // oldest first; at most kPageBytes of records
    std::optional<QuarantineSpot> next;     // nothing: no more
    std::uint64_t damaged_bytes = 0;  // passed over on the way: entries that fail their checksum
};

/// The durable copies of records that a sink's far side refused for good. (Records that fail
/// validation are not here: they stay in the journal itself, flagged.) Append-only files of about
/// kFileSize; a start always begins a new one. Entries that are settled are not listed any more,
/// and a file goes when all of its entries are. Bounds: max_size on disk; one file in memory while
/// it is listed. Threads: any thread; calls wait for the disk.
class QuarantineStore {
public:
    static constexpr std::uint64_t kFileSize = 16 * 1024 * 1024;
    static constexpr std::size_t kPageBytes = 16 * 1024 * 1024;
    /// The newest entries whose ids are remembered, so that a record that is refused again after a
    /// crash is kept once.
    static constexpr std::size_t kRemembered = 65'536;

    ~QuarantineStore();
    QuarantineStore(const QuarantineStore&) = delete;
    QuarantineStore& operator=(const QuarantineStore&) = delete;

    /// Reads the two newest files only. Errors: unsupported (a newer version, named), io.
    [[nodiscard]] static Result<std::unique_ptr<QuarantineStore>> open(
        std::filesystem::path directory,
        const JournalId& journal,
        QuarantineConfig config,
        Disk& disk,
        const Clock& clock
    );

    /// The same of a store that a daemon may be using: for list() and counts() only. Errors:
    /// not_found, unsupported, io.
    [[nodiscard]] static Result<std::unique_ptr<QuarantineStore>> open_to_read(
        std::filesystem::path directory, const JournalId& journal, Disk& disk, const Clock& clock
    );

    /// Copies the records; they are durable when it returns success. Those that are there already
    /// count as copied. Errors: full (over max_size, or the disk is: nothing was copied), io
    /// (whether they were copied is unknown; trying again goes to a new file). In both cases the
    /// sink holds.
    [[nodiscard]] Status append(std::string_view sink, std::span<const RefusedCopy> records);

    /// What is not settled. Errors: invalid_argument (limit), io.
    [[nodiscard]] Result<QuarantinePage> list(const QuarantineQuery& query) const;
    /// Marks entries as settled, and counts them; durable on return, all or none. Those that are
    /// settled already change nothing. A record that its far side refuses again later is kept
    /// again. Errors: full (QuarantineMarks::kRangesMax, or the disk), io.
    [[nodiscard]] Status settle(const QuarantineSettling& settling);
    /// Deletes the files of which every entry is settled. Reads each file. Errors: io.
    [[nodiscard]] Status sweep();
    /// What became of the entries of a sink whose balance began at `base`.
    [[nodiscard]] QuarantineCounts counts(std::string_view sink, Lsn base) const;

    [[nodiscard]] std::uint64_t bytes() const;
    [[nodiscard]] std::uint64_t bytes_max() const noexcept { return config_.max_size.value; }
    /// penstock_quarantine_size_bytes and penstock_quarantine_max_bytes. Called once; the registry
    /// outlives the store.
    void export_metrics(metrics::Registry& registry);

private:
    using Path = std::filesystem::path;
    struct Contents {
        JournalId journal;
        std::vector<std::byte> bytes;
    };

    QuarantineStore(
        Path directory,
        const JournalId& journal,
        QuarantineConfig config,
        Disk& disk,
        const Clock& clock
    );
    [[nodiscard]] Status find_files();
    [[nodiscard]] Status read_marks(const DiskEntry& file);
    [[nodiscard]] Status remember_newest();
    [[nodiscard]] bool is_settled(std::string_view sink, QuarantineSpot spot) const;
    [[nodiscard]] Result<bool> all_settled(std::uint64_t number) const;
    [[nodiscard]] Result<Contents> read_file(std::uint64_t number) const;
    [[nodiscard]] Status begin_file();
    [[nodiscard]] Status write(std::span<const std::byte> bytes);
    void abandon_file(std::uint64_t written);
    void grow(std::uint64_t by);
    void remember(std::string_view sink, Lsn lsn);
    [[nodiscard]] Path path_of(std::uint64_t number) const;
    /// Adds what `file` has behind `spot`. False: the page is full.
    [[nodiscard]] Result<bool> list_file(
        const QuarantineSpot& spot,
        const QuarantineQuery& query,
        std::size_t& bytes,
        QuarantinePage& page
    ) const;

    const Path directory_;
    const JournalId journal_;
    const QuarantineConfig config_;
    Disk& disk_;
    const Clock& clock_;
    mutable std::mutex mutex_;                      // guards everything below
    std::map<std::uint64_t, std::uint64_t> files_;  // number -> bytes
    std::uint64_t bytes_ = 0;
    DiskFilePtr file_;  // being appended to; null: the next append begins one
    std::uint64_t number_ = 0;
    std::uint64_t end_ = 0;
    std::set<std::pair<std::string, std::uint64_t>> known_;
    std::deque<std::pair<std::string, std::uint64_t>> known_order_;
    std::map<std::string, QuarantineMarks, std::less<>> marks_;  // by sink
    std::vector<metrics::Registration> exported_;  // the owner's; last: gone before what it reads
};

}  // namespace penstock::journal

template <>
struct penstock::config::Fields<penstock::journal::QuarantineConfig> {
    static Table<journal::QuarantineConfig> table();
};

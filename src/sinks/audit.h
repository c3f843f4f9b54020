#pragma once

#include "penstock/disk.h"
#include "penstock/ids.h"
#include "penstock/result.h"
#include "sinks/balance.h"

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

/// The ledger (R6), drawn up from the files alone: what a journal holds, what became of it at each
/// sink, and what is still to be delivered. Reads only, and works beside a running daemon, whose
/// last moments (cursors are saved every 100 ms) are then not in it yet.
namespace penstock::sinks {

/// One sink's books. With `ahead` the LSNs above the cursor, counted frame by frame:
/// accepted = delivered + quarantined + dropped + filtered + expired + lost + pending.
struct SinkAudit {
    std::string sink;
    Lsn cursor;
    Balance balance;            // up to the cursor
    BalanceShown shown;         // the same, with what became of refused records since
    Tally ahead;                // above it; `confirmed` is what is pending
    std::uint64_t damaged = 0;  // above it, neither a record that can be read nor a known gap
    std::string problem;        // why the cursor cannot be read; then nothing above holds

    /// Records since the balance began: every LSN but those that never were one.
    [[nodiscard]] std::uint64_t accepted() const noexcept;
    [[nodiscard]] bool sound() const noexcept { return problem.empty() && damaged == 0; }
};

struct Audit {
    JournalId journal;
    Lsn oldest;  // that is kept
    Lsn newest;  // that any segment or cursor tells of
    std::uint64_t records = 0;
    std::uint64_t damaged = 0;
    std::vector<SinkAudit> sinks;  // by name; those of cursors that no sink uses too

    [[nodiscard]] bool sound() const noexcept;
};

/// `directory`: data_dir/journal, `quarantine`: data_dir/quarantine. Reads every byte: as long as
/// reading the journal once takes. Memory: one segment. Errors: not_found, io.
[[nodiscard]] Result<Audit> audit(
    Disk& disk, const std::filesystem::path& directory, const std::filesystem::path& quarantine
);

/// For people. `as_json`: for programs.
void print(const Audit& audit, bool as_json, std::ostream& out);

}  // namespace penstock::sinks

#pragma once

#include "penstock/disk.h"
#include "penstock/ids.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <span>
#include <string>

/// The work behind `penstock journal ls | check | dump | repair`. Results go to `out`, what went
/// wrong to `problems`; the return value is the exit code. ls, check and dump only read, and work
/// beside a running daemon.
namespace penstock::journal {

struct ToolOptions {
    std::filesystem::path directory;  // data_dir/journal
    Lsn from{1};                      // dump: first and last record, inclusive
    Lsn to{UINT64_MAX};
    std::string device;        // dump: only records of this device; empty: of all
    bool accept_loss = false;  // repair: damaged acknowledged records may be replaced by a gap
    /// repair: fills with random bytes. Default: the system's.
    std::function<void(std::span<std::byte>)> random;
};

enum ToolExit : int {
    kToolOk = 0,
    kToolDamaged = 1,     // something is damaged, missing or was not repaired
    kToolUnreadable = 74  // the files cannot be read or written (EX_IOERR)
};

/// Segments with their LSNs, bytes, times, seal and index; cursors.
int list_journal(const ToolOptions& options, Disk& disk, std::ostream& out, std::ostream& problems);

/// Verifies every frame, footer, index and cursor, and that no segment is missing. A torn tail, a
/// missing index and left temporary files are notes: the next start mends them without a loss.
int check_journal(
    const ToolOptions& options, Disk& disk, std::ostream& out, std::ostream& problems
);

/// Records as JSON lines (RecordJson), in LSN order. Damaged frames are passed over and named.
int dump_journal(const ToolOptions& options, Disk& disk, std::ostream& out, std::ostream& problems);

/// Does what a start would do (cuts torn tails, removes temporary files), looks at every segment
/// besides, rewrites those with damage that costs no record, and builds missing and bad indexes.
/// Damage to acknowledged records is only touched with `accept_loss`: the bytes are copied to the
/// folder `damaged`, a gap takes their place. Says what it did. Refuses while a daemon holds the
/// journal.
int repair_journal(
    const ToolOptions& options, Disk& disk, std::ostream& out, std::ostream& problems
);

}  // namespace penstock::journal

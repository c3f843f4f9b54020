#pragma once

#include "penstock/clock.h"
#include "penstock/disk.h"
#include "penstock/result.h"

#include <filesystem>
#include <iosfwd>
#include <string>

/// The work behind `penstock cursor set`: an operator decides where a sink goes on. Back: the
/// records from there on are delivered again. Forward: those in between are never delivered to it.
namespace penstock::sinks {

struct CursorMove {
    std::filesystem::path directory;  // data_dir/journal
    std::string sink;
    /// `earliest`, `latest`, a time (the first record that arrived then or later), or the LSN of
    /// the first record to deliver.
    std::string to;
    bool skip = false;  // may move forward
};

/// Takes the journal's lock: refuses while a daemon holds it. Says in `out` where the cursor stood
/// and stands, and how many LSNs are delivered again or passed over; nothing moves on an error. The
/// sink's books (R6) begin anew at the new place. Errors: invalid_argument (`to`; forward without
/// `skip`), not_found (no journal: none is made; no cursor of that sink: those that there are get
/// named), conflict (the lock), and those of Journal::open() and the cursor's save().
[[nodiscard]] Status move_cursor(
    const CursorMove& move, Disk& disk, const Clock& clock, std::ostream& out
);

}  // namespace penstock::sinks

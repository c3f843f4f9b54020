#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/result.h"
#include "sinks/archive/config.h"
#include "sinks/balance.h"

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>

/// The work behind `penstock archive verify`: proves from the manifests (manifest.h) that nothing
/// of what a sink archived is missing.
namespace penstock::sinks {

/// The sink's own ledger, read before the check begins.
struct ArchiveLedger {
    JournalId journal;
    Balance balance;
};

struct ArchiveCheck {
    ArchiveConfig config;
    std::string sink;                 // its id
    std::filesystem::path state_dir;  // <data_dir>/sinks/<id>: the hour at hand
    std::optional<ArchiveLedger> ledger;
    Nanoseconds since = 0;  // manifests that were begun in earlier hours are not asked for
    bool deep = false;      // reads every object, even where the store tells its digest
};

/// Prints a sentence per finding, and what was found as a whole. A finding:
/// - LSNs between the first that a manifest lists and the sink's progress that no manifest accounts
///   for (what was not for the sink is accounted for, and told apart);
/// - an object that is missing, or whose size or SHA-256 is not what its manifest says;
/// - a manifest that is missing (the next one, or the sink's state, names it), was changed, or
///   cannot be read; no manifest at all, unless the ledger says that nothing was archived;
/// - an object that no manifest explains, unless it is older than the first manifest or newer than
///   what the sink has noted;
/// - a number of records that is not the ledger's.
/// Returns how many there are. May run beside the daemon. Memory: the names of all objects.
/// Errors: the store cannot be reached or does not let us in.
[[nodiscard]] Result<std::uint64_t> verify_archive(
    const ArchiveCheck& check, const Clock& clock, std::ostream& out
);

}  // namespace penstock::sinks

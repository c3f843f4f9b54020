#pragma once

#include "base/metrics.h"
#include "journal/commit.h"
#include "journal/recovery.h"

#include <vector>

/// What the journal counts and shows: the metrics `penstock_journal_*` but those of cursors,
/// retention and the index, which stand where they are counted.
namespace penstock::journal {

class Journal;
class Steward;

/// What the commit thread counts.
[[nodiscard]] Committer::Counters commit_counters(metrics::Registry& registry);

/// Counts what a start stepped over, cut and lost. Once a start.
void count_recovery(const RecoveryReport& report, metrics::Registry& registry);

/// Shows the state of a journal in every scrape. `journal` and `steward` must outlive what is
/// returned.
[[nodiscard]] std::vector<metrics::Registration> export_journal(
    const Journal& journal, const Steward& steward, metrics::Registry& registry
);

}  // namespace penstock::journal

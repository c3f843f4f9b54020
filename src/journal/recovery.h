#pragma once

#include "journal/config.h"
#include "journal/segment_list.h"
#include "penstock/clock.h"
#include "penstock/disk.h"
#include "penstock/ids.h"
#include "penstock/log_reader.h"
#include "penstock/result.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace penstock::journal {

/// What a start found.
struct RecoveryReport {
    bool created = false;            // a new journal
    bool clean = true;               // the last run closed it
    Lsn tail;                        // the last LSN that survived
    Lsn next;                        // the first LSN that will be given
    std::uint64_t skipped_lsns = 0;  // LSNs this start stepped over
    std::uint64_t torn_bytes = 0;    // cut: never acknowledged
    std::uint64_t lost_lsns = 0;     // acknowledged, damaged, accepted as lost
    std::uint64_t read_bytes = 0;
    std::vector<std::string> ignored;  // names of files that are none of ours, or of no use
};

/// Everything a start needs from outside.
struct RecoveryInputs {
    std::filesystem::path directory;
    OnCorruption on_corruption = OnCorruption::refuse;
    std::function<void(std::span<std::byte>)> random;
    /// The highest LSN that is named outside the segments (cursors): never given again.
    std::function<Result<Lsn>(const JournalId&)> highest_elsewhere;
    Nanoseconds now = 0;  // wall clock
};

/// The journal as it stands on disk after recovery: sealed segments only, contiguous.
struct Recovered {
    JournalId id;
    RecoveryReport report;
    std::vector<SegmentInfo> segments;  // oldest first
    std::uint64_t next_number = 1;      // for the next segment file
    /// LSNs between tail and next: to be written as a gap before the first new record.
    std::optional<Gap> hole;
    /// Segments without a record that may go once a newer one is durable.
    std::vector<SegmentInfo> empty;
};

/// Brings the folder in order. Reads the header and footer of each segment and the whole of the
/// last one (and of those that were never sealed: two at most after a crash).
/// - A segment that was not sealed is rewritten with what survived (a new nonce), durably, in place
///   of the old file.
/// - Damage to acknowledged records, or a missing segment: the damaged bytes are copied aside; then
///   refused, or with OnCorruption::accept_loss replaced by a gap.
/// - Temporary, prepared and zero-length files are removed; other names are left alone; both are
///   reported.
/// Precondition: the caller holds the folder's lock.
/// Errors: corrupt, conflict (a segment of another journal), unsupported (a newer version), full,
/// io.
[[nodiscard]] Result<Recovered> recover(const RecoveryInputs& inputs, Disk& disk);

/// How far LSNs jump when the newest segment itself is missing and nobody knows how far it went.
constexpr std::uint64_t kUnknownLoss = std::uint64_t{1} << 32U;

}  // namespace penstock::journal

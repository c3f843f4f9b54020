#pragma once

#include "journal/format.h"
#include "journal/recovery.h"
#include "journal/segment_list.h"
#include "penstock/disk.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What stands in a journal's folder at a start: recovery's first look.
namespace penstock::journal {

/// One segment file on its way through recovery.
struct FoundSegment {
    std::filesystem::path path;
    std::uint64_t file_size = 0;
    SegmentHeader header;
    std::optional<SegmentFooter> footer;  // at the end of the file, and of this segment
    SegmentInfo info;                     // once it is sealed
};

struct Inventory {
    std::vector<FoundSegment> segments;  // by first LSN, then number
    std::uint64_t next_number = 1;       // above that of any segment file
};

/// Lists the folder, reads the header or footer of each segment, and removes what an interrupted
/// write, a spare or a retired segment left behind. A segment without a readable header is copied
/// aside, then refused, or removed with OnCorruption::accept_loss. Notes in `report` what was
/// ignored and how much was read. Errors: as recover().
[[nodiscard]] Result<Inventory> take_inventory(
    const RecoveryInputs& inputs, Disk& disk, RecoveryReport& report
);

/// The whole file as it is on the device, not as the cache would like it to be.
[[nodiscard]] Result<std::vector<std::byte>> read_whole(
    Disk& disk, const FoundSegment& segment, RecoveryReport& report
);

/// Logs and reports a file that is none of the journal's, or of no use.
void note_ignored(RecoveryReport& report, const std::string& name, std::string_view why);

/// What an operator can do about lost records: the end of each message that tells of some.
constexpr std::string_view kLossRemedy =
    "; restore the file from a copy, or go on without these records with `journal.on_corruption: "
    "continue` or `penstock journal repair --accept-loss`";

}  // namespace penstock::journal

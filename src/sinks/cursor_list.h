#pragma once

#include "penstock/clock.h"
#include "penstock/disk.h"
#include "penstock/ids.h"
#include "penstock/result.h"

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// The work behind `penstock cursor ls`: every cursor of a data directory, those that no sink of
/// the settings uses any more too. From the files alone, with or without a daemon at work in them.
namespace penstock::sinks {

/// Who uses a cursor.
enum class CursorUse : std::uint8_t {
    unknown,     // no settings were given
    configured,  // a sink of the settings
    orphaned,    // none: it holds nothing in the journal, and stays until it is deleted by hand
};

[[nodiscard]] std::string_view name(CursorUse use) noexcept;

/// What the journal holds above a cursor.
struct CursorLag {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;  // of the journal's frames
    Nanoseconds oldest = 0;   // when the first of these records was written; 0: there is none
};

struct CursorRow {
    std::string sink;
    CursorUse use = CursorUse::unknown;
    std::optional<Lsn> lsn;  // nothing: a sink of the settings that has no cursor yet
    Nanoseconds saved_at = 0;
    CursorLag lag;
    std::string problem;  // why it cannot be read; then neither LSN nor lag hold
};

/// `directory`: data_dir/journal. `configured`: the ids of the settings' sinks, where there are
/// settings. By name. Reads the segments in which cursors stand and the open one, no others.
/// Memory: one segment, and the frame headers of those. Errors: not_found (no journal), io.
[[nodiscard]] Result<std::vector<CursorRow>> list_cursors(
    Disk& disk,
    const std::filesystem::path& directory,
    const std::optional<std::set<std::string>>& configured
);

/// For people. `as_json`: for programs. `now`: for ages.
void print_cursors(
    const std::vector<CursorRow>& rows, Nanoseconds now, bool as_json, std::ostream& out
);

}  // namespace penstock::sinks

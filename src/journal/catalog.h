#pragma once

#include "journal/format.h"
#include "journal/segment_list.h"
#include "journal/survey.h"
#include "penstock/disk.h"
#include "penstock/ids.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// What a journal's folder holds, seen from outside: read only, with or without a daemon at work in
/// it.
namespace penstock::journal {

/// One segment file.
struct CatalogSegment {
    SegmentInfo info;
    std::optional<SegmentHeader> header;
    std::optional<SegmentFooter> footer;  // none: open, or not sealed when the daemon ended
    std::string problem;                  // why header or footer cannot be read
    bool zeros = false;                   // nothing stands where the headers would
};

struct Catalog {
    JournalId journal;
    bool has_identity = false;
    std::vector<CatalogSegment> segments;    // by first LSN; those without a header last
    std::vector<CatalogSegment> prepared;    // begin with zeros: to be written next, or never used
    std::vector<std::string> temporary;      // half-written files: of no use
    std::vector<std::string> unknown;        // names that are none of ours
    std::vector<std::string> stray_indexes;  // index files of segments that are gone

    [[nodiscard]] std::uint64_t bytes() const noexcept;
};

/// Reads names, headers and footers. Errors: not_found, io.
[[nodiscard]] Result<Catalog> read_catalog(Disk& disk, const std::filesystem::path& directory);

/// A segment and what its bytes say.
struct SurveyedSegment {
    std::vector<std::byte> bytes;
    Survey found;
};

/// Reads a whole segment and surveys it. `proven`: as proven_by_later() says. A daemon may be
/// writing to it: what looks damaged in an open segment is read again before it counts.
/// Memory: the segment. Errors: corrupt (no header), unsupported, io.
[[nodiscard]] Result<SurveyedSegment> survey_file(
    Disk& disk, const CatalogSegment& segment, Lsn proven
);

/// For each segment of the catalog up to where it must reach, by its footer or the next one's
/// header: 0 when nothing tells.
[[nodiscard]] std::vector<Lsn> proven_by_later(const Catalog& catalog);

}  // namespace penstock::journal

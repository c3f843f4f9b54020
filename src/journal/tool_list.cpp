#include "base/iso_time.h"
#include "journal/catalog.h"
#include "journal/cursor.h"
#include "journal/index_keeper.h"
#include "journal/tool.h"

#include <iomanip>
#include <ostream>
#include <string>

namespace penstock::journal {
namespace {

std::string time_text(Nanoseconds wall) {
    std::string text;
    append_iso_time(wall / kSecond * kSecond, text);
    return text;
}

std::string index_text(Disk& disk, const CatalogSegment& segment, const JournalId& journal) {
    if (!segment.info.sealed) return "-";
    if (open_index(disk, segment.info, journal)) return "yes";
    return "no";
}

void print_segment(
    const CatalogSegment& segment, Disk& disk, const JournalId& journal, std::ostream& out
) {
    const auto& info = segment.info;
    out << std::setw(8) << info.number << std::setw(14);
    if (segment.header) {
        out << info.first.value;
    } else {
        out << '?';
    }
    out << std::setw(14);
    if (info.sealed) {
        out << info.last.value << std::setw(12) << info.records;
    } else {
        out << '-' << std::setw(12) << '-';
    }
    out << std::setw(13) << info.bytes << "  " << std::left << std::setw(24)
        << (segment.header ? time_text(info.created) : "?") << std::setw(24)
        << (info.sealed ? time_text(info.sealed_at) : "open") << std::setw(6)
        << index_text(disk, segment, journal) << std::right << segment.problem << '\n';
}

void print_cursor(const CursorInfo& cursor, std::ostream& out) {
    out << "  " << std::left << std::setw(24) << cursor.sink << std::right << std::setw(14)
        << cursor.lsn.value << "  ";
    if (cursor.problem.empty()) {
        out << "saved " << time_text(cursor.saved_at);
    } else {
        out << cursor.problem;
    }
    out << '\n';
}

}  // namespace

int list_journal(
    const ToolOptions& options, Disk& disk, std::ostream& out, std::ostream& problems
) {
    const auto catalog = read_catalog(disk, options.directory);
    if (!catalog) {
        problems << catalog.error().message << '\n';
        return kToolUnreadable;
    }
    out << "journal " << catalog->journal.text() << ", " << catalog->segments.size()
        << " segments, " << catalog->bytes() << " bytes\n"
        << " segment     first LSN      last LSN     records        bytes  created                 "
           "sealed                  index\n";
    for (const auto& segment : catalog->segments)
        print_segment(segment, disk, catalog->journal, out);
    const auto cursors =
        CursorStore::list(disk, options.directory / kCursorFolder, catalog->journal);
    if (!cursors) {
        problems << cursors.error().message << '\n';
        return kToolUnreadable;
    }
    out << "cursors\n";
    for (const auto& cursor : *cursors)
        print_cursor(cursor, out);
    return kToolOk;
}

}  // namespace penstock::journal

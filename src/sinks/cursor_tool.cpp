#include "sinks/cursor_tool.h"

#include "base/metrics.h"
#include "journal/catalog.h"
#include "journal/cursor.h"
#include "journal/journal.h"
#include "sinks/balance.h"
#include "sinks/start_point.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <utility>

namespace penstock::sinks {
namespace {

Status check_known(const journal::CursorStore& cursors, const std::string& sink) {
    PS_TRY(const auto known, cursors.list());
    std::string names;
    for (const auto& cursor : known) {
        if (cursor.sink == sink) return {};
        names += (names.empty() ? "" : ", ") + cursor.sink;
    }
    return Error{
        Errc::not_found,
        "no cursor of a sink '" + sink + "'; there are: " + (names.empty() ? "none" : names)
    };
}

/// What a move from `from` to `to` means, or why it may not be.
Result<std::string> consequence(Lsn from, Lsn to, bool skip) {
    if (to < from) {
        return fmt::format("{} LSNs are delivered again", from.value - to.value);
    }
    const std::uint64_t passed = to.value - from.value;
    if (passed == 0) return std::string("it stood there already");
    if (skip) return fmt::format("{} LSNs are never delivered to it", passed);
    return Error{
        Errc::invalid_argument,
        fmt::format("{} LSNs would never be delivered to it: say --skip to mean that", passed)
    };
}

/// Opening would make one.
Status check_there(Disk& disk, const std::filesystem::path& directory) {
    const auto catalog = journal::read_catalog(disk, directory);
    if (!catalog && catalog.error().code != Errc::not_found) return catalog.error();
    if (catalog && (catalog->has_identity || !catalog->segments.empty())) return {};
    return Error{
        Errc::not_found,
        "there is no journal in " + directory.string() + ": is the data directory right?"
    };
}

}  // namespace

Status move_cursor(const CursorMove& move, Disk& disk, const Clock& clock, std::ostream& out) {
    PS_CHECK(check_there(disk, move.directory));
    journal::Options options;
    options.directory = move.directory;
    metrics::Registry registry;
    auto opened = journal::Journal::open(std::move(options), disk, clock, registry);
    if (!opened.ok() && opened.error().code == Errc::conflict) {
        return Error{Errc::conflict, opened.error().message + ": stop the daemon first"};
    }
    if (!opened.ok()) return std::move(opened).error();
    journal::Journal& journal = **opened;
    PS_CHECK(check_known(journal.cursors(), move.sink));
    PS_TRY(const auto cursor, journal.cursors().attach(move.sink));
    PS_TRY(const Lsn first, wanted_lsn(*journal.reader(), journal.oldest(), move.to));
    const Lsn from = cursor->lsn();
    const Lsn to{first.value - 1};
    PS_TRY(const std::string meaning, consequence(from, to, move.skip));
    if (from != to) {
        PS_CHECK(cursor->save(journal::Confirmed::chosen(to), encode_balance({to, {}})));
    }
    out << fmt::format("{}: cursor {} -> {}: {}\n", move.sink, from.value, to.value, meaning);
    return journal.close();
}

}  // namespace penstock::sinks

#include "sinks/cursor_tool.h"

#include "base/metrics.h"
#include "base/text.h"
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

/// The LSN of the first record to deliver.
Result<Lsn> first_wanted(journal::Journal& journal, const std::string& to) {
    const Lsn oldest = journal.oldest();
    const Lsn behind_newest = journal.durable().next();
    if (const auto number = text::parse_uint(to)) {
        const Lsn lsn{*number};
        if (lsn >= oldest && lsn <= behind_newest) return lsn;
        return Error{
            Errc::invalid_argument,
            fmt::format(
                "LSN {} is not kept: the journal holds {} to {}",
                lsn.value,
                oldest.value,
                behind_newest.value - 1
            )
        };
    }
    const auto start = StartAt::parse(to);
    if (!start.ok()) {
        return Error{
            Errc::invalid_argument,
            "'" + to + "' must be earliest, latest, a time such as 2026-01-02T03:04:05Z, or an LSN"
        };
    }
    switch (start->kind) {
        case StartAt::Kind::earliest:
            return oldest;
        case StartAt::Kind::latest:
            return behind_newest;
        case StartAt::Kind::time:
            break;
    }
    return first_arrival_at(*journal.reader(), start->time, {});
}

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

}  // namespace

Status move_cursor(const CursorMove& move, Disk& disk, const Clock& clock, std::ostream& out) {
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
    PS_TRY(const Lsn first, first_wanted(journal, move.to));
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

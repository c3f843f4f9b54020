#include "sinks/audit.h"

#include "base/json_text.h"
#include "journal/catalog.h"
#include "journal/cursor.h"
#include "journal/quarantine_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <string_view>

namespace penstock::sinks {
namespace {

/// LSNs with one fate: `put` stands for a record that can be read.
struct Run {
    Lsn last;
    Fate fate = Fate::put;
    bool damaged = false;
};

Fate fate_of(const journal::FrameHeader& header) {
    if (header.kind != journal::FrameKind::gap) return Fate::put;
    switch (static_cast<Gap::Cause>(header.gap_cause)) {
        case Gap::Cause::expired:
            return Fate::expired;
        case Gap::Cause::corrupt:
            return Fate::corrupt;
        case Gap::Cause::none:
        case Gap::Cause::skipped:
            break;
    }
    return Fate::skipped;
}

/// Surveys all segments and writes down the fate of every LSN, in order.
class Census {
public:
    explicit Census(Disk& disk) : disk_(disk) {}

    Status segment(const journal::CatalogSegment& segment, Lsn proven) {
        if (!segment.header) return {};
        const auto file = journal::survey_file(disk_, segment, proven);
        if (!file && file.error().code == Errc::not_found) return {};  // retired just now
        if (!file) return file.error();
        const Lsn before{segment.info.first.value - 1};
        if (runs_.empty()) {
            oldest = segment.info.first;
            newest = before;
        }
        add(before, Fate::put, true);
        for (const auto& frame : file->found.frames) {
            add(Lsn{frame.first - 1}, Fate::put, true);
            add(Lsn{frame.next().value - 1}, fate_of(frame), false);
        }
        add(file->found.last, Fate::put, true);
        return {};
    }

    /// What became of the LSNs above `from`, up to the newest.
    void above(Lsn from, SinkAudit& sink) const {
        // Gone from the journal before this sink got there.
        if (from.next() < oldest) {
            sink.ahead.expired += oldest.value - from.next().value;
            from = Lsn{oldest.value - 1};
        }
        for (const Run& run : runs_) {
            if (run.last <= from) continue;
            const std::uint64_t n = run.last.value - from.value;
            if (run.damaged) {
                sink.damaged += n;
            } else {
                sink.ahead.add(run.fate, n);
            }
            from = run.last;
        }
    }

    Lsn oldest{1};
    Lsn newest;

private:
    /// The LSNs up to `last` that are not written down yet.
    void add(Lsn last, Fate fate, bool damaged) {
        if (last <= newest) return;
        newest = last;
        if (!runs_.empty() && runs_.back().fate == fate && runs_.back().damaged == damaged) {
            runs_.back().last = last;
        } else {
            runs_.push_back({last, fate, damaged});
        }
    }

    Disk& disk_;
    std::vector<Run> runs_;
};

std::string sentence(const SinkAudit& sink) {
    if (!sink.problem.empty()) return sink.problem;
    if (sink.damaged > 0) return fmt::format("{} LSNs CANNOT BE READ", sink.damaged);
    return "balances";
}

void print_text(const Audit& audit, std::ostream& out) {
    out << fmt::format(
        "journal {}: LSN {} to {}, {} records kept, {} that cannot be read\n",
        audit.journal.text(),
        audit.oldest.value,
        audit.newest.value,
        audit.records,
        audit.damaged
    );
    if (audit.sinks.empty()) {
        out << "no sink has a cursor yet\n";
        return;
    }
    constexpr std::string_view kRow =
        "{:<20} {:>12} {:>12} {:>12} {:>10} {:>12} {:>10} {:>10} {:>12}  {}\n";
    out << fmt::format(
        kRow,
        "sink",
        "accepted",
        "delivered",
        "quarantined",
        "dropped",
        "filtered",
        "expired",
        "lost",
        "pending",
        ""
    );
    for (const SinkAudit& sink : audit.sinks) {
        const Tally& done = sink.balance.tally;
        out << fmt::format(
            kRow,
            sink.sink,
            sink.accepted(),
            sink.shown.delivered,
            sink.shown.quarantined,
            sink.shown.dropped,
            done.filtered,
            done.expired + sink.ahead.expired,
            done.corrupt + sink.ahead.corrupt + sink.damaged,
            sink.ahead.confirmed,
            sentence(sink)
        );
    }
}

void append_member(std::string& out, std::string_view name, std::uint64_t value) {
    out += fmt::format(",\"{}\":{}", name, value);
}

void append_json(const SinkAudit& sink, std::string& out) {
    const Tally& done = sink.balance.tally;
    out += "{\"sink\":";
    append_json_string(sink.sink, out);
    append_member(out, "cursor", sink.cursor.value);
    append_member(out, "since", sink.balance.base.value);
    append_member(out, "accepted", sink.accepted());
    append_member(out, "delivered", sink.shown.delivered);
    append_member(out, "quarantined", sink.shown.quarantined);
    append_member(out, "dropped", sink.shown.dropped);
    append_member(out, "filtered", done.filtered);
    append_member(out, "expired", done.expired + sink.ahead.expired);
    append_member(out, "lost", done.corrupt + sink.ahead.corrupt + sink.damaged);
    append_member(out, "pending", sink.ahead.confirmed);
    append_member(out, "damaged", sink.damaged);
    if (!sink.problem.empty()) {
        out += ",\"problem\":";
        append_json_string(sink.problem, out);
    }
    out += '}';
}

void print_json(const Audit& audit, std::ostream& out) {
    std::string text = fmt::format("{{\"journal\":\"{}\"", audit.journal.text());
    append_member(text, "oldest", audit.oldest.value);
    append_member(text, "newest", audit.newest.value);
    append_member(text, "records", audit.records);
    append_member(text, "damaged", audit.damaged);
    text += fmt::format(",\"sound\":{},\"sinks\":[", audit.sound());
    for (const SinkAudit& sink : audit.sinks) {
        if (text.back() != '[') text += ',';
        append_json(sink, text);
    }
    out << text << "]}\n";
}

}  // namespace

std::uint64_t SinkAudit::accepted() const noexcept {
    const std::uint64_t lsns = balance.tally.records() + ahead.records() + damaged;
    return lsns - balance.tally.skipped - ahead.skipped;
}

bool Audit::sound() const noexcept {
    return damaged == 0 && std::ranges::all_of(sinks, &SinkAudit::sound);
}

Result<Audit> audit(
    Disk& disk, const std::filesystem::path& directory, const std::filesystem::path& quarantine
) {
    PS_TRY(const auto catalog, journal::read_catalog(disk, directory));
    Census census(disk);
    const auto proven = journal::proven_by_later(catalog);
    for (std::size_t i = 0; i < catalog.segments.size(); ++i)
        PS_CHECK(census.segment(catalog.segments[i], proven[i]));
    Audit out;
    out.journal = catalog.journal;
    out.oldest = census.oldest;
    out.newest = census.newest;
    SinkAudit all;
    census.above(Lsn{census.oldest.value - 1}, all);
    out.records = all.ahead.confirmed;
    out.damaged = all.damaged;
    // After the segments: what a daemon at work deletes meanwhile, its cursors have passed.
    PS_TRY(
        const auto cursors,
        journal::CursorStore::list(disk, directory / journal::kCursorFolder, catalog.journal)
    );
    auto store =
        journal::QuarantineStore::open_to_read(quarantine, catalog.journal, disk, system_clock());
    if (!store && store.error().code != Errc::not_found) return std::move(store).error();
    for (const auto& cursor : cursors) {
        SinkAudit sink;
        sink.sink = cursor.sink;
        sink.problem = cursor.problem;
        sink.cursor = cursor.lsn;
        sink.balance = balance_at(cursor.lsn, cursor.state);
        const Lsn base = sink.balance.base;
        sink.shown = shown(
            sink.balance,
            store ? (*store)->counts(cursor.sink, base) : journal::QuarantineCounts{base, 0, 0}
        );
        if (sink.problem.empty()) census.above(cursor.lsn, sink);
        out.newest = std::max(out.newest, cursor.lsn);
        out.sinks.push_back(std::move(sink));
    }
    return out;
}

void print(const Audit& audit, bool as_json, std::ostream& out) {
    if (as_json) return print_json(audit, out);
    print_text(audit, out);
}

}  // namespace penstock::sinks

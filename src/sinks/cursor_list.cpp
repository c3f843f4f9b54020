#include "sinks/cursor_list.h"

#include "base/iso_time.h"
#include "base/json_text.h"
#include "journal/catalog.h"
#include "journal/cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <string_view>
#include <utility>

namespace penstock::sinks {
namespace {

using journal::FrameHeader;
using journal::FrameKind;

/// Measures what lies above a position. Segments are read when they are needed, and once.
class Gauge {
public:
    Gauge(Disk& disk, const journal::Catalog& catalog)
        : disk_(disk), catalog_(catalog), proven_(journal::proven_by_later(catalog)) {}

    Result<CursorLag> above(Lsn cursor) {
        CursorLag lag;
        for (std::size_t i = 0; i < catalog_.segments.size(); ++i) {
            const journal::CatalogSegment& segment = catalog_.segments[i];
            const bool sealed = segment.info.sealed;
            if (!segment.header || (sealed && segment.info.last <= cursor)) continue;
            if (sealed && segment.info.first > cursor && lag.oldest != 0) {
                lag.records += segment.info.records;
                lag.bytes += segment.info.bytes;
                continue;
            }
            PS_TRY(const auto* frames, frames_of(i));
            for (const FrameHeader& frame : *frames)
                add(frame, cursor, lag);
        }
        return lag;
    }

private:
    static void add(const FrameHeader& frame, Lsn cursor, CursorLag& lag) {
        if (frame.kind != FrameKind::records || frame.next() <= cursor.next()) return;
        const Lsn from = std::max(Lsn{frame.first}, cursor.next());
        lag.records += frame.next().value - from.value;
        lag.bytes += frame.stored_bytes();
        if (lag.oldest == 0) lag.oldest = frame.written;
    }

    Result<const std::vector<FrameHeader>*> frames_of(std::size_t i) {
        const auto [at, fresh] = frames_.try_emplace(i);
        if (!fresh) return &at->second;
        auto file = journal::survey_file(disk_, catalog_.segments[i], proven_[i]);
        if (file.ok()) {
            at->second = std::move(file->found.frames);
        } else if (file.error().code != Errc::not_found) {  // otherwise retired just now
            return std::move(file).error();
        }
        return &at->second;
    }

    Disk& disk_;
    const journal::Catalog& catalog_;
    const std::vector<Lsn> proven_;
    std::map<std::size_t, std::vector<FrameHeader>> frames_;  // by place in the catalog
};

CursorUse use_of(const std::optional<std::set<std::string>>& configured, const std::string& sink) {
    if (!configured) return CursorUse::unknown;
    return configured->contains(sink) ? CursorUse::configured : CursorUse::orphaned;
}

std::string time_text(Nanoseconds wall) {
    std::string text;
    append_iso_time(wall / kSecond * kSecond, text);
    return text;
}

std::uint64_t age_seconds(const CursorRow& row, Nanoseconds now) {
    if (row.lag.oldest == 0) return 0;
    return static_cast<std::uint64_t>(std::max<Nanoseconds>(0, now - row.lag.oldest) / kSecond);
}

std::string state_of(const CursorRow& row) {
    if (!row.problem.empty()) return row.problem;
    if (!row.lsn) return "no cursor yet";
    return "saved " + time_text(row.saved_at);
}

void print_text(const std::vector<CursorRow>& rows, Nanoseconds now, std::ostream& out) {
    constexpr std::string_view kRow = "{:<24} {:<10} {:>14} {:>14} {:>16} {:>10}  {}\n";
    out << fmt::format(kRow, "sink", "use", "LSN", "lag records", "lag bytes", "age s", "");
    for (const CursorRow& row : rows) {
        const bool sound = row.lsn && row.problem.empty();
        const auto number = [sound](std::uint64_t value) {
            return sound ? std::to_string(value) : std::string("-");
        };
        out << fmt::format(
            kRow,
            row.sink,
            name(row.use),
            number(row.lsn.value_or(Lsn{}).value),
            number(row.lag.records),
            number(row.lag.bytes),
            number(age_seconds(row, now)),
            state_of(row)
        );
    }
    const bool orphans =
        std::ranges::find(rows, CursorUse::orphaned, &CursorRow::use) != rows.end();
    if (orphans)
        out << "an orphaned cursor is of no sink in the settings: it holds no journal, and its "
               "sink goes on there when it is configured again\n";
}

void append_json(const CursorRow& row, Nanoseconds now, std::string& out) {
    out += "{\"sink\":";
    append_json_string(row.sink, out);
    out += fmt::format(",\"use\":\"{}\"", name(row.use));
    if (!row.problem.empty()) {
        out += ",\"problem\":";
        append_json_string(row.problem, out);
    } else if (row.lsn) {
        out += fmt::format(
            ",\"lsn\":{},\"savedAt\":\"{}\",\"lagRecords\":{},\"lagBytes\":{},\"ageSeconds\":{}",
            row.lsn->value,
            time_text(row.saved_at),
            row.lag.records,
            row.lag.bytes,
            age_seconds(row, now)
        );
    }
    out += '}';
}

}  // namespace

std::string_view name(CursorUse use) noexcept {
    switch (use) {
        case CursorUse::configured:
            return "configured";
        case CursorUse::orphaned:
            return "orphaned";
        case CursorUse::unknown:
            break;
    }
    return "unknown";
}

Result<std::vector<CursorRow>> list_cursors(
    Disk& disk,
    const std::filesystem::path& directory,
    const std::optional<std::set<std::string>>& configured
) {
    PS_TRY(const auto catalog, journal::read_catalog(disk, directory));
    PS_TRY(
        const auto cursors,
        journal::CursorStore::list(disk, directory / journal::kCursorFolder, catalog.journal)
    );
    Gauge gauge(disk, catalog);
    std::map<std::string, CursorRow> rows;
    for (const auto& cursor : cursors) {
        CursorRow& row = rows[cursor.sink];
        row.use = use_of(configured, cursor.sink);
        row.lsn = cursor.lsn;
        row.saved_at = cursor.saved_at;
        row.problem = cursor.problem;
        if (row.problem.empty()) {
            PS_TRY(row.lag, gauge.above(cursor.lsn));
        }
    }
    for (const std::string& sink : configured.value_or(std::set<std::string>()))
        rows[sink].use = CursorUse::configured;
    std::vector<CursorRow> sorted;
    for (auto& [sink, row] : rows) {
        row.sink = sink;
        sorted.push_back(std::move(row));
    }
    return sorted;
}

void print_cursors(
    const std::vector<CursorRow>& rows, Nanoseconds now, bool as_json, std::ostream& out
) {
    if (!as_json) return print_text(rows, now, out);
    std::string text = "{\"cursors\":[";
    for (const CursorRow& row : rows) {
        if (text.back() != '[') text += ',';
        append_json(row, now, text);
    }
    out << text << "]}\n";
}

}  // namespace penstock::sinks

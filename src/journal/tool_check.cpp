#include "journal/catalog.h"
#include "journal/cursor.h"
#include "journal/index_keeper.h"
#include "journal/tool.h"

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

namespace penstock::journal {
namespace {

/// Looks at a journal and counts what is wrong.
class Checker {
public:
    Checker(const ToolOptions& options, Disk& disk, std::ostream& out, std::ostream& problems)
        : options_(options), disk_(disk), out_(out), problems_(problems) {}

    Status run() {
        PS_TRY(catalog_, read_catalog(disk_, options_.directory));
        // Before the segments: those of a running daemon move on meanwhile.
        PS_TRY(
            const auto cursors,
            CursorStore::list(disk_, options_.directory / kCursorFolder, catalog_.journal)
        );
        const auto proven = proven_by_later(catalog_);
        for (std::size_t i = 0; i < catalog_.segments.size(); ++i)
            PS_CHECK(check_segment(catalog_.segments[i], proven[i]));
        for (const auto& segment : catalog_.prepared)
            PS_CHECK(check_prepared(segment));
        PS_CHECK(check_end());
        check_cursors(cursors);
        for (const auto& name : catalog_.temporary)
            note(name + ": half-written, of no use");
        for (const auto& name : catalog_.unknown)
            note(name + ": not a file of the journal");
        for (const auto& name : catalog_.stray_indexes)
            note(name + ": its segment is gone");
        if (!catalog_.has_identity && !catalog_.segments.empty())
            note("identity: missing or damaged; the next start makes it again from the segments");
        out_ << catalog_.segments.size() << " segments, " << frames_ << " frames, " << records_
             << " records, " << problems_found_ << " problems, " << notes_ << " notes\n";
        return {};
    }
    [[nodiscard]] bool sound() const noexcept { return problems_found_ == 0; }

private:
    void problem(const std::string& text) {
        problems_ << "damaged: " << text << '\n';
        ++problems_found_;
    }
    void note(const std::string& text) {
        out_ << "note: " << text << '\n';
        ++notes_;
    }

    Status check_segment(const CatalogSegment& segment, Lsn proven) {
        const auto name = segment.info.path.filename().string();
        if (!segment.problem.empty()) problem(name + ": " + segment.problem);
        if (!segment.header) return {};
        if (JournalId{segment.header->journal} != catalog_.journal)
            problem(name + ": of journal " + JournalId{segment.header->journal}.text());
        const auto surveyed = survey_file(disk_, segment, proven);
        if (!surveyed && surveyed.error().code == Errc::not_found) {  // retired just now
            expected_ = {};
            return {};
        }
        if (!surveyed && surveyed.error().code == Errc::io) return surveyed.error();
        if (!surveyed) {
            problem(name + ": " + surveyed.error().message);
            return {};
        }
        report(segment, name, surveyed->found);
        check_place(segment, name, surveyed->found);
        if (segment.info.sealed) check_index(segment, name);
        return {};
    }

    /// Zeros all through, unless a daemon has begun to write it meanwhile.
    Status check_prepared(const CatalogSegment& segment) {
        const auto file = disk_.open(segment.info.path, OpenMode::read);
        if (!file && file.error().code == Errc::not_found) return {};
        if (!file) return file.error();
        PS_TRY(const auto size, (*file)->size());
        std::vector<std::byte> bytes(size);
        PS_TRY(const auto got, (*file)->read(bytes, 0));
        bytes.resize(got);
        if (all_zero(bytes)) return {};
        PS_TRY(
            const auto begun, (*file)->read(std::span(bytes).first(std::min(got, 2 * kBlock)), 0)
        );
        if (begun == 0 || read_segment_header(bytes)) return {};
        problem(segment.info.path.filename().string() + ": both copies of its header are gone");
        return {};
    }

    void report(const CatalogSegment& segment, const std::string& name, const Survey& found) {
        frames_ += found.frames.size();
        records_ += found.records();
        if (found.header_repaired) problem(name + ": one copy of its header");
        if (found.header_rebuilt) problem(name + ": both copies of its header");
        for (const auto& damage : found.damages) {
            std::string text = name + ": " + std::to_string(damage.size) + " bytes at byte " +
                               std::to_string(damage.offset);
            if (damage.lost() != 0)
                text += ", acknowledged records " + std::to_string(damage.from.value) + " to " +
                        std::to_string(damage.to.value) + " are lost";
            problem(text);
        }
        if (found.torn_bytes != 0)
            note(
                name + ": torn tail of " + std::to_string(found.torn_bytes) +
                " bytes, never acknowledged"
            );
        if (!segment.footer && &segment != &catalog_.segments.back())
            note(name + ": not sealed, or its footer is damaged; the next start seals it");
        if (segment.footer && found.damages.empty() && !found.whole() && !found.header_rebuilt)
            problem(name + ": its footer contradicts its frames");
    }

    void check_place(const CatalogSegment& segment, const std::string& name, const Survey& found) {
        const Lsn first = segment.info.first;
        if (expected_ != Lsn{} && first > expected_)
            problem(
                "the segment with LSN " + std::to_string(expected_.value) + " to " +
                std::to_string(first.value - 1) + " is missing before " + name
            );
        if (expected_ != Lsn{} && first < expected_)
            problem(name + ": begins before the segment in front of it ends");
        expected_ = found.last.next();
        goes_on_ = found.footer && found.footer->cause == SealCause::rolled;
    }

    void check_index(const CatalogSegment& segment, const std::string& name) {
        const auto index = open_index(disk_, segment.info, catalog_.journal);
        if (!index && index.error().code == Errc::not_found) return note(name + ": has no index");
        if (!index) return note(name + ": " + index.error().message);
        if (const auto verified = (*index)->verify(); !verified)
            return note(name + ": " + verified.error().message);
        if ((*index)->records() != segment.info.records)
            note(name + ": its index lists another number of records");
    }

    Status check_end() {
        if (!goes_on_) return {};
        PS_TRY(const auto now, read_catalog(disk_, options_.directory));  // it may be new
        const bool there = std::ranges::any_of(now.segments, [this](const CatalogSegment& segment) {
            return segment.header && segment.info.first >= expected_;
        });
        if (!there)
            problem(
                "the journal goes on, but the segment that starts at LSN " +
                std::to_string(expected_.value) + " is missing"
            );
        return {};
    }

    void check_cursors(const std::vector<CursorInfo>& cursors) {
        for (const auto& cursor : cursors) {
            if (!cursor.problem.empty())
                problem("cursor of " + cursor.sink + ": " + cursor.problem);
            if (expected_ != Lsn{} && cursor.lsn >= expected_)
                problem(
                    "cursor of " + cursor.sink + ": at LSN " + std::to_string(cursor.lsn.value) +
                    ", the journal ends at " + std::to_string(expected_.value - 1)
                );
        }
    }

    const ToolOptions& options_;
    Disk& disk_;
    std::ostream& out_;
    std::ostream& problems_;
    Catalog catalog_;
    Lsn expected_;          // first LSN of the next segment; 0: any
    bool goes_on_ = false;  // the last segment says that there is another
    std::uint64_t frames_ = 0;
    std::uint64_t records_ = 0;
    std::uint64_t problems_found_ = 0;
    std::uint64_t notes_ = 0;
};

}  // namespace

int check_journal(
    const ToolOptions& options, Disk& disk, std::ostream& out, std::ostream& problems
) {
    Checker checker(options, disk, out, problems);
    if (const auto done = checker.run(); !done) {
        problems << done.error().message << '\n';
        return kToolUnreadable;
    }
    return checker.sound() ? kToolOk : kToolDamaged;
}

}  // namespace penstock::journal

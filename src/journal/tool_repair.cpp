#include "journal/catalog.h"
#include "journal/cursor.h"
#include "journal/index_keeper.h"
#include "journal/recovery.h"
#include "journal/rewrite.h"
#include "journal/tool.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ostream>
#include <string>

namespace penstock::journal {
namespace {

void system_random(std::span<std::byte> out) {
    while (!out.empty()) {
        const auto got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0 && errno != EINTR) std::abort();  // a kernel without randomness
        if (got > 0) out = out.subspan(static_cast<std::size_t>(got));
    }
}

/// The steps of a repair, in the order of run(). Precondition: the journal's lock is held.
class Repair {
public:
    Repair(const ToolOptions& options, Disk& disk, std::ostream& out, std::ostream& problems)
        : options_(options),
          random_(options.random ? options.random : system_random),
          disk_(disk),
          out_(out),
          problems_(problems) {}

    Status run() {
        PS_CHECK(mend_segments());
        if (left_) return {};  // a start would refuse as well
        PS_CHECK(do_what_a_start_does());
        PS_CHECK(mend_indexes());
        if (!did_) out_ << "nothing to repair\n";
        return {};
    }
    [[nodiscard]] bool left() const noexcept { return left_; }

private:
    void did(const std::string& text) {
        out_ << text << '\n';
        did_ = true;
    }
    void leave(const std::string& text) {
        problems_ << text << '\n';
        left_ = true;
    }

    /// Sealed segments, which a start does not read.
    Status mend_segments() {
        PS_TRY(const auto catalog, read_catalog(disk_, options_.directory));
        const auto proven = proven_by_later(catalog);
        for (std::size_t i = 0; i < catalog.segments.size(); ++i) {
            const auto& segment = catalog.segments[i];
            if (!segment.header || !segment.footer) continue;
            PS_TRY(const auto surveyed, survey_file(disk_, segment, proven[i]));
            const auto& found = surveyed.found;
            if (found.whole() && !found.header_repaired) continue;
            PS_CHECK(mend_segment(segment, surveyed));
        }
        return {};
    }

    Status mend_segment(const CatalogSegment& segment, const SurveyedSegment& surveyed) {
        const auto name = segment.info.path.filename().string();
        const std::span<const std::byte> bytes(surveyed.bytes);
        for (const auto& damage : surveyed.found.damages) {
            const auto begin = std::min<std::uint64_t>(damage.offset, bytes.size());
            const auto size = std::min<std::uint64_t>(damage.size, bytes.size() - begin);
            PS_TRY(
                const auto copy,
                keep_damaged(disk_, segment.info.path, damage.offset, bytes.subspan(begin, size))
            );
            const auto range =
                fmt::format("acknowledged records {} to {}", damage.from.value, damage.to.value);
            if (damage.lost() != 0 && !options_.accept_loss) {
                leave(fmt::format(
                    "{}: {} are damaged; a copy is in {}; restore the file, or give them up with "
                    "--accept-loss",
                    name,
                    range,
                    copy.string()
                ));
                continue;
            }
            did(fmt::format("{}: copied {} damaged bytes to {}", name, size, copy.string()));
            if (damage.lost() != 0) did(fmt::format("{}: gave up {}", name, range));
        }
        if (left_) return {};
        Rewriting rewriting;
        rewriting.nonce = nonce();
        rewriting.now = segment.info.sealed_at;
        PS_TRY(
            const auto info,
            rewrite_segment(disk_, segment.info.path, bytes, surveyed.found, rewriting)
        );
        did(name + ": written anew with " + std::to_string(info.records) + " records");
        return {};
    }

    Status do_what_a_start_does() {
        RecoveryInputs inputs;
        inputs.directory = options_.directory;
        inputs.on_corruption =
            options_.accept_loss ? OnCorruption::accept_loss : OnCorruption::refuse;
        inputs.random = random_;
        inputs.highest_elsewhere = [this](const JournalId& journal) {
            return CursorStore::highest_seen(disk_, options_.directory / kCursorFolder, journal);
        };
        inputs.now = system_clock().wall();
        const auto recovered = recover(inputs, disk_);
        if (!recovered && recovered.error().code == Errc::corrupt) {
            leave(recovered.error().message);
            return {};
        }
        if (!recovered) return recovered.error();
        const auto& report = recovered->report;
        if (report.torn_bytes != 0)
            did("cut a torn tail of " + std::to_string(report.torn_bytes) +
                " bytes, never acknowledged");
        if (report.lost_lsns != 0)
            did("gave up " + std::to_string(report.lost_lsns) +
                " LSNs of damaged or missing records");
        for (const auto& name : report.ignored)
            did("removed or passed over " + name);
        return {};
    }

    Status mend_indexes() {
        PS_TRY(const auto catalog, read_catalog(disk_, options_.directory));
        for (const auto& segment : catalog.segments) {
            if (!segment.info.sealed) continue;
            const auto index = open_index(disk_, segment.info, catalog.journal);
            if (index && (*index)->verify() && (*index)->records() == segment.info.records)
                continue;
            PS_TRY(const auto built, build_index(disk_, segment.info, catalog.journal));
            PS_CHECK(write_file_durably(disk_, index_path(segment.info.path), built->encode()));
            did("built the index of " + segment.info.path.filename().string());
        }
        return {};
    }

    [[nodiscard]] std::uint64_t nonce() const {
        std::uint64_t value = 0;
        random_(std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }

    const ToolOptions& options_;
    const std::function<void(std::span<std::byte>)> random_;
    Disk& disk_;
    std::ostream& out_;
    std::ostream& problems_;
    bool did_ = false;
    bool left_ = false;
};

}  // namespace

int repair_journal(
    const ToolOptions& options, Disk& disk, std::ostream& out, std::ostream& problems
) {
    const auto lock = disk.lock(options.directory / kLockName);
    if (!lock) {
        const bool busy = lock.error().code == Errc::conflict;
        problems << (busy ? "a daemon holds this journal: stop it first" : lock.error().message)
                 << '\n';
        return busy ? kToolDamaged : kToolUnreadable;
    }
    Repair repair(options, disk, out, problems);
    if (const auto done = repair.run(); !done) {
        problems << done.error().message << '\n';
        return kToolUnreadable;
    }
    return repair.left() ? kToolDamaged : kToolOk;
}

}  // namespace penstock::journal

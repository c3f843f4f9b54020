#include "journal/recovery.h"

#include "base/log.h"
#include "journal/format.h"
#include "journal/inventory.h"
#include "journal/rewrite.h"
#include "journal/segment.h"
#include "journal/survey.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

namespace penstock::journal {

namespace {

std::string range_text(Lsn from, Lsn to) {
    return "LSN " + std::to_string(from.value) + " to " + std::to_string(to.value);
}

/// The steps of recover(), in the order of run().
class Recovery {
public:
    Recovery(const RecoveryInputs& inputs, Disk& disk) : in_(inputs), disk_(disk) {}

    Result<Recovered> run() {
        PS_CHECK(disk_.sync_directory(in_.directory));
        PS_TRY(Inventory inventory, take_inventory(in_, disk_, out_.report));
        found_ = std::move(inventory.segments);
        out_.next_number = inventory.next_number;
        PS_CHECK(settle_identity());
        PS_CHECK(settle_segments());
        PS_CHECK(replace_successor());
        PS_CHECK(check_continuity());
        PS_CHECK(choose_next());
        return std::move(out_);
    }

private:
    // ---- identity -------------------------------------------------------------------------------

    Result<std::optional<JournalId>> read_identity() {
        const auto file = disk_.open(in_.directory / kIdentityName, OpenMode::read);
        if (!file.ok()) {
            if (file.error().code == Errc::not_found) return std::optional<JournalId>{};
            return file.error();
        }
        std::array<std::byte, sizeof(Identity)> bytes{};
        PS_TRY(const std::size_t got, (*file)->read(bytes, 0));
        const auto identity = load_identity(std::span(bytes).first(got));
        if (identity.ok()) return std::optional(JournalId{identity->journal});
        if (identity.error().code == Errc::unsupported) {
            return Error{
                Errc::unsupported,
                (in_.directory / kIdentityName).string() + ": " + identity.error().message
            };
        }
        note_ignored(out_.report, std::string(kIdentityName), identity.error().message);
        return std::optional<JournalId>{};
    }

    Status settle_identity() {
        PS_TRY(auto id, read_identity());
        const bool known = id.has_value();
        if (!id && !found_.empty()) id = JournalId{found_.front().header.journal};
        if (!id) {
            out_.report.created = true;
            id.emplace();
            in_.random(std::as_writable_bytes(std::span(id->bytes)));
        }
        for (const FoundSegment& segment : found_) {
            if (segment.header.journal == id->bytes) continue;
            return Error{
                Errc::conflict,
                segment.path.string() + " belongs to journal " +
                    JournalId{segment.header.journal}.text() + ", this one is " + id->text() +
                    "; move the file away"
            };
        }
        out_.id = *id;
        if (known) return {};
        Identity identity;
        identity.journal = id->bytes;
        identity.created = in_.now;
        std::array<std::byte, sizeof identity> bytes{};
        store(identity, bytes);
        return write_file_durably(disk_, in_.directory / kIdentityName, bytes);
    }

    // ---- segments -------------------------------------------------------------------------------

    /// Newest first, because the next segment proves how far one went: up to where it begins
    /// itself, and no further.
    Status settle_segments() {
        Lsn proven;
        for (std::size_t i = found_.size(); i > 0; --i) {
            FoundSegment& segment = found_[i - 1];
            const bool newest = i == found_.size();
            if (newest || !segment.footer) PS_CHECK(settle(segment, proven, newest));
            proven = {segment.header.predecessor_last};
            named_ = std::max(named_, segment.info.last);
        }
        return {};
    }

    Status settle(FoundSegment& segment, Lsn proven, bool newest) {
        PS_TRY(const auto bytes, read_whole(disk_, segment, out_.report));
        PS_TRY(const Survey found, survey(bytes, proven));
        named_ = std::max(named_, found.named);
        if (newest) {
            out_.report.clean = found.whole() && found.footer->cause == SealCause::closed;
            PS_CHECK(check_successor(segment, found));
        }
        if (segment.footer && found.whole()) return {};
        for (const Damage& damage : found.damages)
            PS_CHECK(report_damage(segment, bytes, damage));
        if (found.torn_bytes > 0) {
            log::warn(
                "a torn tail is cut: it was never acknowledged",
                {{"file", segment.path.string()},
                 {"bytes", found.torn_bytes},
                 {"last", found.last.value}}
            );
        }
        out_.report.torn_bytes += found.torn_bytes;
        out_.report.lost_lsns += found.lost();
        auto rewritten = rewrite_segment(disk_, segment.path, bytes, found, {nonce(), in_.now});
        if (!rewritten.ok()) {
            const bool no_space = rewritten.error().code == Errc::full && found.damages.empty();
            if (!no_space) return rewritten.error();
            PS_TRY(segment.info, seal_in_place(segment, found));
        } else {
            segment.info = std::move(rewritten).value();
        }
        segment.footer.emplace();  // sealed now
        return {};
    }

    /// On a full disk there is no room for a copy, and without a start nothing would ever make
    /// room: the footer goes where the tail is cut. What stands before it was synced and read from
    /// the device just now.
    Result<SegmentInfo> seal_in_place(const FoundSegment& segment, const Survey& found) {
        SegmentFooter footer;
        footer.cause = SealCause::recovered;
        footer.frames = static_cast<std::uint32_t>(found.frames.size());
        footer.journal = found.header.journal;
        footer.nonce = found.header.nonce;
        footer.number = found.header.number;
        footer.first = found.header.first;
        footer.last = found.last.value;
        footer.records = found.records();
        footer.offset = found.end;
        footer.created = found.header.created;
        footer.sealed = in_.now;
        footer.chain = found.frames.empty() ? chain_of(found.header) : found.frames.back().crc;
        PS_CHECK(seal_segment(disk_, segment.path, footer));
        return describe(segment.path, found.header, footer);
    }

    Status report_damage(
        const FoundSegment& segment, std::span<const std::byte> bytes, const Damage& damage
    ) {
        const std::uint64_t begin = std::min<std::uint64_t>(damage.offset, bytes.size());
        const auto bad =
            bytes.subspan(begin, std::min<std::uint64_t>(damage.size, bytes.size() - begin));
        PS_TRY(const auto copy, keep_damaged(disk_, segment.path, damage.offset, bad));
        log::error(
            "journal bytes are damaged",
            {{"file", segment.path.string()},
             {"offset", damage.offset},
             {"bytes", damage.size},
             {"lost_from", damage.from.value},
             {"lost_records", damage.lost()},
             {"copy", copy.string()}}
        );
        if (damage.lost() == 0 || in_.on_corruption == OnCorruption::accept_loss) return {};
        return Error{
            Errc::corrupt,
            segment.path.string() + ": acknowledged records " + range_text(damage.from, damage.to) +
                " at byte " + std::to_string(damage.offset) + " are damaged; a copy is in " +
                copy.string() + std::string(kLossRemedy)
        };
    }

    std::uint64_t nonce() {
        std::uint64_t value = 0;
        in_.random(std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }

    // ---- what is not there ----------------------------------------------------------------------

    /// A segment that was sealed because the next one had begun has a successor, or it was lost.
    Status check_successor(const FoundSegment& newest, const Survey& found) {
        if (!found.footer || found.footer->cause != SealCause::rolled) return {};
        successor_missing_ = true;
        if (in_.on_corruption == OnCorruption::accept_loss) return {};
        return Error{
            Errc::corrupt,
            "the journal goes on behind " + newest.path.string() +
                ", but the segment that starts at LSN " + std::to_string(found.last.value + 1) +
                " is missing" + std::string(kLossRemedy)
        };
    }

    Status replace_successor() {
        if (!successor_missing_) return {};
        const Lsn last = found_.back().info.last;
        const Gap gap{last.next(), last.plus(kUnknownLoss), Gap::Cause::corrupt};
        log::error("the newest segment is missing", {{"lost_from", gap.from.value}});
        return add_gap_segment(gap);
    }

    Status check_continuity() {
        const std::vector<FoundSegment> segments = found_;
        for (std::size_t i = 1; i < segments.size(); ++i) {
            const Lsn due = segments[i - 1].info.last.next();
            const Lsn first = segments[i].info.first;
            if (first == due) continue;
            if (first < due) {
                return Error{
                    Errc::corrupt,
                    segments[i].path.string() + " and " + segments[i - 1].path.string() +
                        " both hold " + range_text(first, segments[i - 1].info.last) +
                        "; move the wrong one away"
                };
            }
            const Gap gap{due, {first.value - 1}, Gap::Cause::corrupt};
            if (in_.on_corruption == OnCorruption::refuse) {
                return Error{
                    Errc::corrupt,
                    "the segment with " + range_text(gap.from, gap.to) + " is missing between " +
                        segments[i - 1].path.string() + " and " + segments[i].path.string() +
                        std::string(kLossRemedy)
                };
            }
            log::error(
                "a segment is missing", {{"lost_from", gap.from.value}, {"lost_to", gap.to.value}}
            );
            PS_CHECK(add_gap_segment(gap));
        }
        std::ranges::sort(found_, {}, [](const FoundSegment& segment) {
            return std::pair(segment.info.first, segment.info.number);
        });
        return {};
    }

    Status add_gap_segment(const Gap& gap) {
        PS_TRY(
            const SegmentInfo info,
            write_gap_segment(
                disk_, in_.directory, out_.next_number++, out_.id, gap, {nonce(), in_.now}
            )
        );
        out_.report.lost_lsns += gap.to.value - gap.from.value + 1;
        FoundSegment made;
        made.path = info.path;
        made.info = info;
        found_.push_back(made);
        return {};
    }

    // ---- the next LSN ---------------------------------------------------------------------------

    Status choose_next() {
        PS_TRY(const Lsn elsewhere, in_.highest_elsewhere(out_.id));
        if (found_.empty() && elsewhere > Lsn{0}) PS_CHECK(all_missing(elsewhere));
        for (const FoundSegment& segment : found_) {
            const bool holds_nothing = segment.info.last < segment.info.first;
            (holds_nothing ? out_.empty : out_.segments).push_back(segment.info);
            out_.report.tail = segment.info.last;
        }
        const Lsn tail = out_.report.tail;
        const Lsn highest = std::max({tail, elsewhere, named_});
        if (elsewhere > tail) {
            log::error(
                "a cursor is ahead of the journal: records it had seen are gone",
                {{"cursor", elsewhere.value}, {"tail", tail.value}}
            );
        }
        out_.report.next = highest.next();
        if (highest > tail) {
            out_.hole = Gap{tail.next(), highest, Gap::Cause::skipped};
            out_.report.skipped_lsns = highest.value - tail.value;
            out_.report.clean = false;
        }
        return {};
    }

    Status all_missing(Lsn elsewhere) {
        if (in_.on_corruption == OnCorruption::accept_loss) return {};
        return Error{
            Errc::corrupt,
            in_.directory.string() + " has no segment, but a cursor stands at LSN " +
                std::to_string(elsewhere.value) + std::string(kLossRemedy)
        };
    }

    const RecoveryInputs& in_;
    Disk& disk_;
    Recovered out_;
    std::vector<FoundSegment> found_;  // by first LSN
    Lsn named_;                        // the highest LSN that any segment names
    bool successor_missing_ = false;
};

}  // namespace

Result<Recovered> recover(const RecoveryInputs& inputs, Disk& disk) {
    return Recovery(inputs, disk).run();
}

}  // namespace penstock::journal

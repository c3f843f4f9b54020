#include "journal/recovery.h"

#include "base/log.h"
#include "journal/format.h"
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

/// One segment file on its way through recovery.
struct Found {
    std::filesystem::path path;
    std::uint64_t file_size = 0;
    SegmentHeader header;
    std::optional<SegmentFooter> footer;  // at the end of the file, and of this segment
    SegmentInfo info;                     // once it is sealed
};

std::string range_text(Lsn from, Lsn to) {
    return "LSN " + std::to_string(from.value) + " to " + std::to_string(to.value);
}

constexpr std::string_view kRemedy =
    "; restore the file from a copy, or go on without these records with `journal.on_corruption: "
    "continue` or `penstock journal repair --accept-loss`";

/// The steps of recover(), in the order of run().
class Recovery {
public:
    Recovery(const RecoveryInputs& inputs, Disk& disk) : in_(inputs), disk_(disk) {}

    Result<Recovered> run() {
        PS_CHECK(disk_.sync_directory(in_.directory));
        PS_CHECK(sort_names());
        PS_CHECK(read_headers());
        remove_orphan_indexes();
        PS_CHECK(settle_identity());
        PS_CHECK(settle_segments());
        PS_CHECK(replace_successor());
        PS_CHECK(check_continuity());
        PS_CHECK(choose_next());
        return std::move(out_);
    }

private:
    void ignore(const std::string& name, std::string_view why) {
        log::warn("a file in the journal's folder is ignored", {{"file", name}, {"why", why}});
        out_.report.ignored.push_back(name);
    }

    Status remove(const std::filesystem::path& path, std::string_view why) {
        ignore(path.filename().string(), why);
        return disk_.remove(path);
    }

    // ---- names ----------------------------------------------------------------------------------

    Status sort_names() {
        PS_TRY(const auto entries, disk_.list(in_.directory));
        for (const DiskEntry& entry : entries)
            PS_CHECK(sort_name(entry));
        return {};
    }

    Status sort_name(const DiskEntry& entry) {
        const std::string_view name = entry.name;
        const auto path = in_.directory / entry.name;
        if (name == kIdentityName || name == kLockName || name == kBallastName) return {};
        if (!entry.regular) {
            const bool ours = name == kQuarantineFolder || name == kCursorFolder;
            if (!ours) ignore(entry.name, "not a file of the journal");
            return {};
        }
        if (name.ends_with(kTemporarySuffix)) return remove(path, "left by an interrupted write");
        if (name.ends_with(kPreparedSuffix)) return disk_.remove(path);
        const auto number = segment_number(name);
        if (number) {
            out_.next_number = std::max(out_.next_number, *number + 1);
            if (entry.size == 0) return remove(path, "empty");
            found_.push_back({path, entry.size, {}, {}, {}});
            return {};
        }
        const bool index = name.ends_with(kIndexSuffix) &&
                           segment_number(name.substr(0, name.size() - kIndexSuffix.size()));
        if (index) {
            indexes_.push_back(path);
        } else {
            ignore(entry.name, "not a file of the journal");
        }
        return {};
    }

    /// Retention unlinks a segment and then its index: the end may come in between.
    void remove_orphan_indexes() {
        for (const auto& index : indexes_) {
            const bool wanted = std::ranges::any_of(found_, [&](const Found& segment) {
                return index_path(segment.path) == index;
            });
            if (wanted) continue;
            ignore(index.filename().string(), "its segment is gone");
            // One that stays costs its size until the next start.
            if (const Status removed = disk_.remove(index); !removed.ok()) {
                log::warn("an index of no segment stays", {{"error", removed.error().message}});
            }
        }
    }

    // ---- headers and footers --------------------------------------------------------------------

    Result<std::vector<std::byte>> read_part(
        const Found& segment, std::uint64_t offset, std::uint64_t size
    ) {
        PS_TRY(const auto file, disk_.open(segment.path, OpenMode::read));
        std::vector<std::byte> bytes(size);
        PS_TRY(const std::size_t got, file->read(bytes, offset));
        bytes.resize(got);
        out_.report.read_bytes += got;
        return bytes;
    }

    /// The whole file as it is on the device, not as the cache would like it to be.
    Result<std::vector<std::byte>> read_whole(const Found& segment) {
        PS_TRY(const auto file, disk_.open(segment.path, OpenMode::write));
        PS_CHECK(file->sync());
        file->drop_cache();
        std::vector<std::byte> bytes(segment.file_size);
        PS_TRY(const std::size_t got, file->read(bytes, 0));
        bytes.resize(got);
        out_.report.read_bytes += got;
        return bytes;
    }

    /// A footer tells all that the header does: one small read for each sealed segment.
    Status read_headers() {
        std::vector<Found> kept;
        for (Found& segment : found_) {
            PS_CHECK(read_footer(segment));
            if (!segment.footer) {
                PS_TRY(const bool gone, read_header(segment));
                if (gone) continue;
            }
            kept.push_back(std::move(segment));
        }
        found_ = std::move(kept);
        std::ranges::sort(found_, {}, [](const Found& segment) {
            return std::pair(segment.header.first, segment.header.number);
        });
        return {};
    }

    /// True when the file holds nothing that could be kept.
    Result<bool> read_header(Found& segment) {
        PS_TRY(const auto bytes, read_part(segment, 0, 2 * kBlock));
        bool repaired = false;
        auto header = read_segment_header(bytes, &repaired);
        if (!header.ok()) return drop_without_header(segment, header.error());
        segment.header = *header;
        if (repaired) {
            log::warn("one copy of a segment header is damaged", {{"file", segment.path.string()}});
        }
        return false;
    }

    /// Without a header nothing in a file can be read: it is a spare that was never used, or lost.
    Result<bool> drop_without_header(const Found& segment, const Error& why) {
        if (why.code == Errc::unsupported) {
            return Error{why.code, segment.path.string() + ": " + why.message};
        }
        PS_TRY(const auto bytes, read_whole(segment));
        const auto frames =
            std::span(bytes).subspan(std::min<std::size_t>(bytes.size(), kFirstFrameOffset));
        if (all_zero(frames)) {
            PS_CHECK(disk_.remove(segment.path));
            return true;
        }
        PS_TRY(const auto copy, keep_damaged(disk_, segment.path, 0, bytes));
        if (in_.on_corruption == OnCorruption::refuse) {
            return Error{
                Errc::corrupt,
                segment.path.string() +
                    ": both copies of its header are damaged, its records are lost; a "
                    "copy is in " +
                    copy.string() + std::string(kRemedy)
            };
        }
        PS_CHECK(remove(segment.path, "damaged header; a copy was kept"));
        return true;
    }

    Status read_footer(Found& segment) {
        if (segment.file_size < kFirstFrameOffset + kBlock || segment.file_size % kBlock != 0)
            return {};
        const std::uint64_t offset = segment.file_size - kBlock;
        PS_TRY(const auto bytes, read_part(segment, offset, kBlock));
        const auto footer = load_footer(bytes);
        if (!footer.ok()) {
            if (footer.error().code != Errc::unsupported) return {};
            return Error{Errc::unsupported, segment.path.string() + ": " + footer.error().message};
        }
        if (footer->offset != offset) return {};
        segment.footer = *footer;
        segment.header = header_of(*footer);
        segment.info = describe(segment.path, segment.header, *footer);
        return {};
    }

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
        ignore(std::string(kIdentityName), identity.error().message);
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
        for (const Found& segment : found_) {
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
            Found& segment = found_[i - 1];
            const bool newest = i == found_.size();
            if (newest || !segment.footer) PS_CHECK(settle(segment, proven, newest));
            proven = {segment.header.predecessor_last};
            named_ = std::max(named_, segment.info.last);
        }
        return {};
    }

    Status settle(Found& segment, Lsn proven, bool newest) {
        PS_TRY(const auto bytes, read_whole(segment));
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
    Result<SegmentInfo> seal_in_place(const Found& segment, const Survey& found) {
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
        const Found& segment, std::span<const std::byte> bytes, const Damage& damage
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
                copy.string() + std::string(kRemedy)
        };
    }

    std::uint64_t nonce() {
        std::uint64_t value = 0;
        in_.random(std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }

    // ---- what is not there ----------------------------------------------------------------------

    /// A segment that was sealed because the next one had begun has a successor, or it was lost.
    Status check_successor(const Found& newest, const Survey& found) {
        if (!found.footer || found.footer->cause != SealCause::rolled) return {};
        successor_missing_ = true;
        if (in_.on_corruption == OnCorruption::accept_loss) return {};
        return Error{
            Errc::corrupt,
            "the journal goes on behind " + newest.path.string() +
                ", but the segment that starts at LSN " + std::to_string(found.last.value + 1) +
                " is missing" + std::string(kRemedy)
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
        const std::vector<Found> segments = found_;
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
                        std::string(kRemedy)
                };
            }
            log::error(
                "a segment is missing", {{"lost_from", gap.from.value}, {"lost_to", gap.to.value}}
            );
            PS_CHECK(add_gap_segment(gap));
        }
        std::ranges::sort(found_, {}, [](const Found& segment) {
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
        Found made;
        made.path = info.path;
        made.info = info;
        found_.push_back(made);
        return {};
    }

    // ---- the next LSN ---------------------------------------------------------------------------

    Status choose_next() {
        PS_TRY(const Lsn elsewhere, in_.highest_elsewhere(out_.id));
        if (found_.empty() && elsewhere > Lsn{0}) PS_CHECK(all_missing(elsewhere));
        for (const Found& segment : found_) {
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
                std::to_string(elsewhere.value) + std::string(kRemedy)
        };
    }

    const RecoveryInputs& in_;
    Disk& disk_;
    Recovered out_;
    std::vector<Found> found_;  // by first LSN
    std::vector<std::filesystem::path> indexes_;
    Lsn named_;  // the highest LSN that any segment names
    bool successor_missing_ = false;
};

}  // namespace

Result<Recovered> recover(const RecoveryInputs& inputs, Disk& disk) {
    return Recovery(inputs, disk).run();
}

}  // namespace penstock::journal

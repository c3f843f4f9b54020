#include "journal/inventory.h"

#include "base/log.h"
#include "journal/rewrite.h"
#include "journal/segment.h"
#include "journal/survey.h"

#include <algorithm>
#include <span>
#include <utility>

namespace penstock::journal {

namespace {

/// The steps of take_inventory(), in the order of run().
class Stocktaking {
public:
    Stocktaking(const RecoveryInputs& inputs, Disk& disk, RecoveryReport& report)
        : in_(inputs), disk_(disk), report_(report) {}

    Result<Inventory> run() {
        PS_CHECK(sort_names());
        PS_CHECK(read_headers());
        remove_orphan_indexes();
        return Inventory{std::move(segments_), next_number_};
    }

private:
    Status remove(const std::filesystem::path& path, std::string_view why) {
        note_ignored(report_, path.filename().string(), why);
        return disk_.remove(path);
    }

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
            if (!ours) note_ignored(report_, entry.name, "not a file of the journal");
            return {};
        }
        if (name.ends_with(kTemporarySuffix)) return remove(path, "left by an interrupted write");
        if (name.ends_with(kPreparedSuffix)) return disk_.remove(path);
        const auto number = segment_number(name);
        if (number) {
            next_number_ = std::max(next_number_, *number + 1);
            if (entry.size == 0) return remove(path, "empty");
            segments_.push_back({path, entry.size, {}, {}, {}});
            return {};
        }
        const bool index = name.ends_with(kIndexSuffix) &&
                           segment_number(name.substr(0, name.size() - kIndexSuffix.size()));
        if (index) {
            indexes_.push_back(path);
        } else {
            note_ignored(report_, entry.name, "not a file of the journal");
        }
        return {};
    }

    /// Retention unlinks a segment and then its index: the end may come in between.
    void remove_orphan_indexes() {
        for (const auto& index : indexes_) {
            const bool wanted = std::ranges::any_of(segments_, [&](const FoundSegment& segment) {
                return index_path(segment.path) == index;
            });
            if (wanted) continue;
            note_ignored(report_, index.filename().string(), "its segment is gone");
            // One that stays costs its size until the next start.
            if (const Status removed = disk_.remove(index); !removed.ok()) {
                log::warn("an index of no segment stays", {{"error", removed.error().message}});
            }
        }
    }

    Result<std::vector<std::byte>> read_part(
        const FoundSegment& segment, std::uint64_t offset, std::uint64_t size
    ) {
        PS_TRY(const auto file, disk_.open(segment.path, OpenMode::read));
        std::vector<std::byte> bytes(size);
        PS_TRY(const std::size_t got, file->read(bytes, offset));
        bytes.resize(got);
        report_.read_bytes += got;
        return bytes;
    }

    /// A footer tells all that the header does: one small read for each sealed segment.
    Status read_headers() {
        std::vector<FoundSegment> kept;
        for (FoundSegment& segment : segments_) {
            PS_CHECK(read_footer(segment));
            if (!segment.footer) {
                PS_TRY(const bool gone, read_header(segment));
                if (gone) continue;
            }
            kept.push_back(std::move(segment));
        }
        segments_ = std::move(kept);
        std::ranges::sort(segments_, {}, [](const FoundSegment& segment) {
            return std::pair(segment.header.first, segment.header.number);
        });
        return {};
    }

    /// True when the file holds nothing that could be kept.
    Result<bool> read_header(FoundSegment& segment) {
        PS_TRY(const auto settled, open_settled(disk_, segment.path));
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
    Result<bool> drop_without_header(const FoundSegment& segment, const Error& why) {
        if (why.code == Errc::unsupported) {
            return Error{why.code, segment.path.string() + ": " + why.message};
        }
        PS_TRY(const auto bytes, read_whole(disk_, segment, report_));
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
                    copy.string() + std::string(kLossRemedy)
            };
        }
        PS_CHECK(remove(segment.path, "damaged header; a copy was kept"));
        return true;
    }

    Status read_footer(FoundSegment& segment) {
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

    const RecoveryInputs& in_;
    Disk& disk_;
    RecoveryReport& report_;
    std::uint64_t next_number_ = 1;
    std::vector<FoundSegment> segments_;
    std::vector<std::filesystem::path> indexes_;
};

}  // namespace

Result<Inventory> take_inventory(const RecoveryInputs& inputs, Disk& disk, RecoveryReport& report) {
    return Stocktaking(inputs, disk, report).run();
}

Result<std::vector<std::byte>> read_whole(
    Disk& disk, const FoundSegment& segment, RecoveryReport& report
) {
    PS_TRY(const auto file, open_settled(disk, segment.path));
    std::vector<std::byte> bytes(segment.file_size);
    PS_TRY(const std::size_t got, file->read(bytes, 0));
    bytes.resize(got);
    report.read_bytes += got;
    return bytes;
}

void note_ignored(RecoveryReport& report, const std::string& name, std::string_view why) {
    log::warn("a file in the journal's folder is ignored", {{"file", name}, {"why", why}});
    report.ignored.push_back(name);
}

}  // namespace penstock::journal

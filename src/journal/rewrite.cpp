#include "journal/rewrite.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace penstock::journal {

namespace {

/// Writes a sealed segment from front to back.
class SegmentBuilder {
public:
    SegmentBuilder(DiskFile& file, SegmentHeader header) : file_(file), header_(header) {
        chain_ = chain_of(header_);
        footer_.cause = SealCause::recovered;
        footer_.journal = header_.journal;
        footer_.nonce = header_.nonce;
        footer_.number = header_.number;
        footer_.first = header_.first;
        footer_.last = header_.first - 1;
        footer_.created = header_.created;
    }

    Status begin() {
        std::array<std::byte, 2 * kBlock> blocks{};
        store(header_, blocks);
        store(header_, std::span(blocks).subspan(kBlock));
        return file_.write(blocks, 0);
    }

    Status add(FrameHeader frame, std::span<const std::byte> payload) {
        frame.nonce = header_.nonce;
        frame.offset = offset_;
        frame.previous = chain_;
        frame.committed_through = frame.first - 1;
        std::array<std::byte, sizeof(FrameHeader)> head{};
        chain_ = store(frame, head);
        const std::vector<std::byte> padding(
            frame.stored_bytes() - sizeof(FrameHeader) - payload.size()
        );
        const std::array<std::span<const std::byte>, 3> parts{head, payload, padding};
        PS_CHECK(file_.write(ByteSpans(parts), offset_));
        offset_ += frame.stored_bytes();
        footer_.last = frame.next().value - 1;
        footer_.records += frame.count;
        ++footer_.frames;
        return {};
    }

    Status add_gap(Lsn from, Lsn to, Gap::Cause cause, Nanoseconds now) {
        FrameHeader frame;
        frame.kind = FrameKind::gap;
        frame.first = from.value;
        frame.gap_last = to.value;
        frame.gap_cause = static_cast<std::uint16_t>(cause);
        frame.written = now;
        return add(frame, {});
    }

    Result<SegmentFooter> finish(Nanoseconds now) {
        footer_.offset = offset_;
        footer_.sealed = now;
        footer_.chain = chain_;
        std::array<std::byte, kBlock> block{};
        store(footer_, block);
        PS_CHECK(file_.write(block, offset_));
        PS_CHECK(file_.sync());
        return footer_;
    }

private:
    DiskFile& file_;
    SegmentHeader header_;
    SegmentFooter footer_;
    std::uint64_t offset_ = kFirstFrameOffset;
    std::uint32_t chain_ = 0;
};

/// A temporary file beside `path`, ready to be written; one left by a crash is replaced.
Result<DiskFilePtr> make_temporary(Disk& disk, const std::filesystem::path& temporary) {
    auto file = disk.open(temporary, OpenMode::create);
    if (file.ok() || file.error().code != Errc::conflict) return file;
    PS_CHECK(disk.remove(temporary));
    return disk.open(temporary, OpenMode::create);
}

std::filesystem::path temporary_of(const std::filesystem::path& path) {
    return std::filesystem::path(path) += kTemporarySuffix;
}

Status put_in_place(Disk& disk, const std::filesystem::path& path) {
    PS_CHECK(disk.rename(temporary_of(path), path));
    return disk.sync_directory(path.parent_path());
}

// Frames and losses in LSN order. Empty frames say nothing any more: the footer does.
Status copy_survivors(
    SegmentBuilder& builder, std::span<const std::byte> bytes, const Survey& found, Nanoseconds now
) {
    auto damage = found.damages.begin();
    const auto add_damages_before = [&](std::uint64_t lsn) -> Status {
        for (; damage != found.damages.end() && damage->from.value < lsn; ++damage) {
            if (damage->lost() == 0) continue;
            PS_CHECK(builder.add_gap(damage->from, damage->to, Gap::Cause::corrupt, now));
        }
        return {};
    };
    for (const FrameHeader& frame : found.frames) {
        if (frame.kind == FrameKind::empty) continue;
        PS_CHECK(add_damages_before(frame.first));
        const auto payload = bytes.subspan(frame.offset + sizeof(FrameHeader), frame.payload_bytes);
        PS_CHECK(builder.add(frame, payload));
    }
    return add_damages_before(kLsnLimit);
}

}  // namespace

SegmentInfo describe(
    const std::filesystem::path& path, const SegmentHeader& header, const SegmentFooter& footer
) {
    SegmentInfo info;
    info.number = header.number;
    info.nonce = header.nonce;
    info.first = {footer.first};
    info.last = {footer.last};
    info.bytes = footer.offset + kBlock;
    info.records = footer.records;
    info.sealed = true;
    info.created = header.created;
    info.sealed_at = footer.sealed;
    info.path = path;
    return info;
}

Result<SegmentInfo> rewrite_segment(
    Disk& disk,
    const std::filesystem::path& path,
    std::span<const std::byte> bytes,
    const Survey& found,
    const Rewriting& rewriting
) {
    SegmentHeader header = found.header;
    header.nonce = rewriting.nonce;
    PS_TRY(const auto file, make_temporary(disk, temporary_of(path)));
    SegmentBuilder builder(*file, header);
    PS_CHECK(builder.begin());
    PS_CHECK(copy_survivors(builder, bytes, found, rewriting.now));
    PS_TRY(const auto footer, builder.finish(rewriting.now));
    PS_CHECK(disk.rename(temporary_of(path), path));
    if (const Status named = disk.sync_directory(path.parent_path()); !named.ok()) {
        // Whatever the cause: `found` is no longer of the file that bears this name.
        return Error{Errc::io, named.error().message};
    }
    return describe(path, header, footer);
}

Result<SegmentInfo> write_gap_segment(
    Disk& disk,
    const std::filesystem::path& directory,
    std::uint64_t number,
    const JournalId& journal,
    const Gap& gap,
    const Rewriting& rewriting
) {
    const auto path = directory / segment_name(number);
    SegmentHeader header;
    header.journal = journal.bytes;
    header.nonce = rewriting.nonce;
    header.number = number;
    header.first = gap.from.value;
    header.predecessor_last = gap.from.value - 1;
    header.created = rewriting.now;
    PS_TRY(const auto file, make_temporary(disk, temporary_of(path)));
    SegmentBuilder builder(*file, header);
    PS_CHECK(builder.begin());
    PS_CHECK(builder.add_gap(gap.from, gap.to, gap.cause, rewriting.now));
    PS_TRY(const auto footer, builder.finish(rewriting.now));
    PS_CHECK(put_in_place(disk, path));
    return describe(path, header, footer);
}

Result<std::filesystem::path> keep_damaged(
    Disk& disk,
    const std::filesystem::path& segment,
    std::uint64_t offset,
    std::span<const std::byte> bytes
) {
    const auto folder = segment.parent_path() / kQuarantineFolder;
    PS_CHECK(disk.make_directory(folder));
    const std::string name = segment.filename().string() + "." + std::to_string(offset) + "." +
                             std::to_string(bytes.size()) + ".bytes";
    PS_TRY(const auto kept, disk.list(folder));
    const bool there = std::ranges::any_of(kept, [&](const DiskEntry& entry) {
        return entry.name == name && entry.size == bytes.size();
    });
    if (!there) PS_CHECK(write_file_durably(disk, folder / name, bytes));
    return folder / name;
}

Result<DiskFilePtr> open_settled(Disk& disk, const std::filesystem::path& path) {
    PS_TRY(auto file, disk.open(path, OpenMode::write));
    PS_CHECK(file->sync());
    file->drop_cache();
    return file;
}

Status write_file_durably(
    Disk& disk, const std::filesystem::path& path, std::span<const std::byte> bytes
) {
    PS_TRY(const auto file, make_temporary(disk, temporary_of(path)));
    PS_CHECK(file->write(bytes, 0));
    PS_CHECK(file->sync());
    return put_in_place(disk, path);
}

}  // namespace penstock::journal

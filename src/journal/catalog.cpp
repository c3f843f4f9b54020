#include "journal/catalog.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

namespace penstock::journal {
namespace {

/// How often an open segment is read before damage in it is believed.
constexpr int kReadsMax = 3;

Result<std::vector<std::byte>> read_part(DiskFile& file, std::uint64_t offset, std::uint64_t size) {
    std::vector<std::byte> bytes(size);
    PS_TRY(const auto got, file.read(bytes, offset));
    bytes.resize(got);
    return bytes;
}

Result<std::optional<SegmentFooter>> read_footer(
    DiskFile& file, std::uint64_t size, const SegmentHeader& header
) {
    if (size < kFirstFrameOffset + kBlock || size % kBlock != 0)
        return std::optional<SegmentFooter>{};
    PS_TRY(const auto bytes, read_part(file, size - kBlock, kBlock));
    const auto footer = load_footer(bytes);
    if (!footer && footer.error().code == Errc::unsupported) return footer.error();
    if (!footer || footer->nonce != header.nonce || footer->offset != size - kBlock)
        return std::optional<SegmentFooter>{};
    return std::optional(*footer);
}

void describe_header(SegmentInfo& info, const SegmentHeader& header) {
    info.nonce = header.nonce;
    info.first = {header.first};
    info.last = {header.first - 1};
    info.created = header.created;
}

void describe_footer(SegmentInfo& info, const SegmentFooter& footer) {
    info.last = {footer.last};
    info.records = footer.records;
    info.sealed = true;
    info.sealed_at = footer.sealed;
}

Result<CatalogSegment> read_segment(
    Disk& disk, const std::filesystem::path& path, std::uint64_t number
) {
    CatalogSegment segment;
    segment.info.number = number;
    segment.info.path = path;
    PS_TRY(const auto file, disk.open(path, OpenMode::read));
    PS_TRY(const auto size, file->size());
    segment.info.bytes = size;
    PS_TRY(const auto head, read_part(*file, 0, 2 * kBlock));
    auto header = read_segment_header(head);
    if (!header && header.error().code == Errc::corrupt && size >= kBlock) {
        PS_TRY(const auto end, read_part(*file, size - kBlock, kBlock));
        const auto footer = load_footer(end);
        if (footer && footer->offset == size - kBlock) header = header_of(*footer);
    }
    segment.zeros = !header && all_zero(head);
    if (!header) {
        segment.problem = header.error().message;
        return segment;
    }
    segment.header = *header;
    describe_header(segment.info, *header);
    auto footer = read_footer(*file, size, *header);
    if (!footer && footer.error().code != Errc::unsupported) return std::move(footer).error();
    if (!footer) {
        segment.problem = footer.error().message;
        return segment;
    }
    segment.footer = *footer;
    if (segment.footer) describe_footer(segment.info, *segment.footer);
    return segment;
}

Status add_name(
    Disk& disk, const std::filesystem::path& directory, const DiskEntry& entry, Catalog& catalog
) {
    const std::string& name = entry.name;
    if (!entry.regular) {
        if (name != kCursorFolder && name != kQuarantineFolder) catalog.unknown.push_back(name);
        return {};
    }
    if (name == kIdentityName || name == kLockName || name == kBallastName) return {};
    if (name.ends_with(kTemporarySuffix)) {
        catalog.temporary.push_back(name);
        return {};
    }
    if (name.ends_with(kPreparedSuffix) || name.ends_with(kIndexSuffix)) return {};
    const auto number = segment_number(name);
    if (!number) {
        catalog.unknown.push_back(name);
        return {};
    }
    auto segment = read_segment(disk, directory / name, *number);
    if (!segment && segment.error().code == Errc::not_found) return {};  // retired just now
    if (!segment) return std::move(segment).error();
    (segment->zeros ? catalog.prepared : catalog.segments).push_back(std::move(*segment));
    return {};
}

void find_stray_indexes(const std::vector<DiskEntry>& entries, Catalog& catalog) {
    std::set<std::string> expected;
    for (const auto& segment : catalog.segments)
        expected.insert(index_path(segment.info.path).filename().string());
    for (const auto& entry : entries)
        if (entry.regular && entry.name.ends_with(kIndexSuffix) && !expected.contains(entry.name))
            catalog.stray_indexes.push_back(entry.name);
}

Status read_identity(Disk& disk, const std::filesystem::path& directory, Catalog& catalog) {
    const auto file = disk.open(directory / kIdentityName, OpenMode::read);
    if (file) {
        PS_TRY(const auto bytes, read_part(**file, 0, sizeof(Identity)));
        if (const auto identity = load_identity(bytes)) {
            catalog.journal.bytes = identity->journal;
            catalog.has_identity = true;
            return {};
        }
    } else if (file.error().code != Errc::not_found) {
        return file.error();
    }
    for (const auto& segment : catalog.segments)
        if (segment.header) catalog.journal.bytes = segment.header->journal;
    return {};
}

}  // namespace

std::uint64_t Catalog::bytes() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& segment : segments)
        sum += segment.info.bytes;
    return sum;
}

Result<Catalog> read_catalog(Disk& disk, const std::filesystem::path& directory) {
    Catalog catalog;
    PS_TRY(const auto entries, disk.list(directory));
    for (const auto& entry : entries)
        PS_CHECK(add_name(disk, directory, entry, catalog));
    std::ranges::sort(catalog.segments, {}, [](const CatalogSegment& segment) {
        return std::pair(
            segment.header ? segment.info.first.value : kLsnLimit, segment.info.number
        );
    });
    find_stray_indexes(entries, catalog);
    PS_CHECK(read_identity(disk, directory, catalog));
    return catalog;
}

Result<SurveyedSegment> survey_file(Disk& disk, const CatalogSegment& segment, Lsn proven) {
    SurveyedSegment surveyed;
    for (int i = 0; i < kReadsMax; ++i) {
        PS_TRY(const auto file, disk.open(segment.info.path, OpenMode::read));
        file->drop_cache();
        PS_TRY(const auto size, file->size());
        PS_TRY(surveyed.bytes, read_part(*file, 0, size));
        PS_TRY(surveyed.found, survey(surveyed.bytes, proven));
        if (segment.footer || surveyed.found.damages.empty()) break;
    }
    return surveyed;
}

std::vector<Lsn> proven_by_later(const Catalog& catalog) {
    std::vector<Lsn> proven(catalog.segments.size());
    for (std::size_t i = 0; i < proven.size(); ++i) {
        const bool followed = i + 1 < proven.size() && catalog.segments[i + 1].header;
        if (catalog.segments[i].footer) {
            proven[i] = {catalog.segments[i].footer->last};
        } else if (followed) {
            proven[i] = {catalog.segments[i + 1].header->predecessor_last};
        }
    }
    return proven;
}

}  // namespace penstock::journal

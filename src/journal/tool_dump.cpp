#include "base/record_json.h"
#include "journal/catalog.h"
#include "journal/reader.h"
#include "journal/tool.h"

#include <algorithm>
#include <ostream>
#include <string>

namespace penstock::journal {
namespace {

/// Prints records of one segment after the other.
class Dumper {
public:
    Dumper(
        const ToolOptions& options,
        Disk& disk,
        const JournalId& journal,
        std::ostream& out,
        std::ostream& problems
    )
        : options_(options), disk_(disk), json_(journal), out_(out), problems_(problems) {}

    Status segment(const CatalogSegment& segment) {
        if (!segment.header || segment.info.first > options_.to) return {};
        if (segment.info.sealed && segment.info.last < options_.from) return {};
        auto scan = SegmentScan::open(disk_, segment.info);
        if (!scan && scan.error().code == Errc::not_found) return {};  // retired just now
        if (!scan) return std::move(scan).error();
        return frames(*scan);
    }
    [[nodiscard]] bool damaged() const noexcept { return damaged_; }

private:
    Status frames(SegmentScan& scan) {
        const auto& info = scan.segment();
        Lsn due = info.first;
        std::uint64_t offset = kFirstFrameOffset;
        while (due <= options_.to && !(info.sealed && due > info.last)) {
            PS_TRY(auto header, scan.header(offset));
            if (!header || Lsn{header->first} != due) {
                if (!info.sealed) return {};  // the end, or not durable yet
                problem(scan, due, offset);
                PS_TRY(header, scan.next_header(offset + kBlock));
                if (!header) return {};
            }
            if (header->kind == FrameKind::records && header->next() > options_.from) {
                auto chunk = scan.chunk(*header);
                if (!chunk && chunk.error().code != Errc::corrupt) return std::move(chunk).error();
                if (chunk) {
                    records(**chunk);
                } else {
                    problem(scan, {header->first}, header->offset);
                }
            }
            due = header->next();
            offset = header->offset + header->stored_bytes();
        }
        return {};
    }

    void records(const Chunk& chunk) {
        auto rest = chunk.records();
        for (std::uint32_t i = 0; i < chunk.count(); ++i) {
            const Lsn lsn = chunk.first().plus(i);
            const auto record = RecordView::parse(rest);
            if (!record) {
                problems_ << "LSN " << lsn.value << ": " << record.error().message << '\n';
                damaged_ = true;
                return;
            }
            rest = rest.subspan(record->bytes().size());
            const bool wanted = lsn >= options_.from && lsn <= options_.to &&
                                (options_.device.empty() || record->device() == options_.device);
            if (!wanted) continue;
            line_.clear();
            json_.append(lsn, *record, line_);
            line_ += '\n';
            out_ << line_;
        }
    }

    void problem(const SegmentScan& scan, Lsn lsn, std::uint64_t offset) {
        problems_ << scan.segment().path.filename().string() << ": the frame of LSN " << lsn.value
                  << " at byte " << offset << " is damaged\n";
        damaged_ = true;
    }

    const ToolOptions& options_;
    Disk& disk_;
    const RecordJson json_;
    std::ostream& out_;
    std::ostream& problems_;
    std::string line_;
    bool damaged_ = false;
};

}  // namespace

int dump_journal(
    const ToolOptions& options, Disk& disk, std::ostream& out, std::ostream& problems
) {
    const auto catalog = read_catalog(disk, options.directory);
    if (!catalog) {
        problems << catalog.error().message << '\n';
        return kToolUnreadable;
    }
    Dumper dumper(options, disk, catalog->journal, out, problems);
    for (const auto& segment : catalog->segments) {
        if (const auto done = dumper.segment(segment); !done) {
            problems << done.error().message << '\n';
            return kToolUnreadable;
        }
        if (!out) return kToolUnreadable;  // nobody reads any more
    }
    return dumper.damaged() ? kToolDamaged : kToolOk;
}

}  // namespace penstock::journal

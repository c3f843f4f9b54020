// A journal's files after anything may have happened to them: a start mends or refuses, and readers
// never show a record that was not written there.
#include "base/crc32c.h"
#include "fuzz.h"
#include "journal/reader.h"
#include "journal/recovery.h"
#include "journal/segment_files.h"
#include "journal/survey.h"
#include "support/fake_disk.h"

#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace penstock::journal {
namespace {

using fuzz::claim;
using test::FakeDisk;
using test::SegmentFiles;
using Bytes = std::vector<std::byte>;

const std::filesystem::path kFolder = "/data/journal";
constexpr std::uint64_t kSegmentSize = 16 * kBlock;

/// Writes a journal, then spoils it, as the input says: an operation is a byte and its arguments.
class History {
public:
    explicit History(FakeDisk& disk) : disk_(disk), files_(disk, kFolder) {
        files_.size = kSegmentSize;
        files_.begin();
    }

    void play(std::string_view script) {
        constexpr std::size_t kMostOperations = 64;
        left_ = script;
        for (std::size_t i = 0; i < kMostOperations && !left_.empty(); ++i)
            one();
    }

    [[nodiscard]] const std::map<std::uint64_t, Bytes>& written() const { return written_; }
    [[nodiscard]] JournalId id() const { return files_.journal; }

private:
    unsigned next() {
        if (left_.empty()) return 0;
        const auto value = static_cast<unsigned char>(left_.front());
        left_.remove_prefix(1);
        return value;
    }

    void one() {
        switch (next()) {
            case 'a':
                return add();
            case 'g':
                if (room(0)) gap();
                return;
            case 'e':
                if (room(0)) files_.empty();
                return;
            case 's':
                return next_segment();
            case 'b':
                return change_byte(false);
            case 'c':
                return change_byte(true);
            case 't':
                return spoil([this](Bytes& bytes) {
                    bytes.resize(std::min(bytes.size(), at(bytes)));
                });
            case 'z':
                return spoil([this](Bytes& bytes) {
                    const std::size_t from = std::min(at(bytes) / kBlock * kBlock, bytes.size());
                    const std::size_t to = std::min(from + kBlock * (1 + next() % 4), bytes.size());
                    std::fill(
                        bytes.begin() + static_cast<std::ptrdiff_t>(from),
                        bytes.begin() + static_cast<std::ptrdiff_t>(to),
                        std::byte{0}
                    );
                });
            case 'm':
                return move_block();
            case 'r':
                return (void)disk_.remove(pick()).ok();
            case 'o': {
                const auto from = pick();
                return disk_.put(pick(), disk_.contents(from));
            }
            case 'n':
                return disk_.put(kFolder / name(), Bytes(next()));
            default:
                return;
        }
    }

    std::string name() {
        constexpr std::string_view kNames[] = {
            "x.tmp",
            "00000000000000000009.prepared",
            "readme",
            "00000000000000000003.segment",
            "00000000000000000000.segment",
            "99999999999999999999.segment",
            "00000000000000000001.segment.index",
            kIdentityName
        };
        return std::string(kNames[next() % std::size(kNames)]);
    }

    /// Frames beyond the file's end would be another journal's fault.
    bool room(std::size_t payload) {
        if (offset_ + frame_bytes(payload) + 2 * kBlock > kSegmentSize) return false;
        offset_ += frame_bytes(payload);
        return true;
    }

    void add() {
        std::vector<Bytes> records;
        std::size_t size = 0;
        const unsigned count = 1 + next() % 3;
        const std::size_t length = std::size_t{next()} * 32;
        for (unsigned i = 0; i < count; ++i) {
            const std::string text(length, static_cast<char>('a' + (files_.next().value + i) % 26));
            records.push_back(
                test::record_of("d" + std::to_string(files_.next().value + i), 1, text)
            );
            size += records.back().size();
        }
        if (!room(size)) return;
        for (unsigned i = 0; i < count; ++i)
            written_[files_.next().value + i] = records[i];
        files_.add(records);
    }

    void gap() {
        constexpr Gap::Cause kCauses[] = {
            Gap::Cause::skipped, Gap::Cause::corrupt, Gap::Cause::expired
        };
        const unsigned size = 1 + next() % 9;
        files_.gap(size, kCauses[next() % std::size(kCauses)]);
    }

    void next_segment() {
        // A file of that name may have been put there.
        if (disk_.exists(kFolder / segment_name(files_.open_segment().number + 1))) return;
        files_.seal(next() % 4 == 0 ? SealCause::closed : SealCause::rolled);
        files_.begin();
        offset_ = kFirstFrameOffset;
    }

    [[nodiscard]] std::filesystem::path pick() {
        return kFolder / segment_name(1 + next() % files_.open_segment().number);
    }
    [[nodiscard]] std::size_t at(const Bytes& bytes) {
        const std::size_t block = next() % (bytes.size() / kBlock + 1);
        return block * kBlock + next();
    }
    template <class Change>
    void spoil(Change change) {
        const auto path = pick();
        if (!disk_.exists(path)) return;
        Bytes bytes = disk_.contents(path);
        change(bytes);
        disk_.put(path, std::move(bytes));
    }

    /// One byte of the first 256 of a block; `mend` makes the checksum of the struct there right.
    void change_byte(bool mend) {
        spoil([this, mend](Bytes& bytes) {
            const std::size_t place = at(bytes);
            if (place >= bytes.size()) return;
            bytes[place] = static_cast<std::byte>(next());
            const std::size_t block = place / kBlock * kBlock;
            if (!mend || block + 128 > bytes.size()) return;
            const std::uint32_t crc = crc32c(std::span(bytes).subspan(block, 124));
            std::memcpy(bytes.data() + block + 124, &crc, sizeof crc);
            forged_ = true;
        });
    }

    void move_block() {
        spoil([this](Bytes& bytes) {
            const std::size_t from = at(bytes) / kBlock * kBlock;
            const std::size_t to = at(bytes) / kBlock * kBlock;
            if (from + kBlock > bytes.size() || to + kBlock > bytes.size()) return;
            std::memmove(bytes.data() + to, bytes.data() + from, kBlock);
        });
    }

    FakeDisk& disk_;
    SegmentFiles files_;
    std::string_view left_;
    std::map<std::uint64_t, Bytes> written_;
    std::uint64_t offset_ = kFirstFrameOffset;

public:
    /// A checksum was made to fit a lie: what is then read may be one.
    bool forged_ = false;
};

/// What a start meets beside the journal's own files.
struct Surroundings {
    bool accept = false;          // --accept-loss
    std::uint64_t elsewhere = 0;  // highest LSN that a cursor names
    bool full = false;            // the disk, from the start on
};

RecoveryInputs inputs(const Surroundings& around) {
    RecoveryInputs made;
    made.directory = kFolder;
    made.on_corruption = around.accept ? OnCorruption::accept_loss : OnCorruption::refuse;
    made.random = [state = std::uint64_t{1}](std::span<std::byte> out) mutable {
        for (std::byte& byte : out) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            byte = static_cast<std::byte>(state >> 56U);
        }
    };
    made.highest_elsewhere = [lsn = around.elsewhere](const JournalId&) -> Result<Lsn> {
        return Lsn{lsn};
    };
    made.now = 2'000'000'000 * kSecond;
    return made;
}

void check_chunk(const ChunkPtr& chunk, const History& history) {
    auto bytes = chunk->records();
    for (std::uint64_t lsn = chunk->first().value; lsn < chunk->first().value + chunk->count();
         ++lsn) {
        const auto record = RecordView::parse(bytes);
        if (history.forged_) {
            if (!record) return;
        } else {
            claim(record.ok(), "what a reader shows are records");
            const auto found = history.written().find(lsn);
            claim(found != history.written().end(), "a reader shows only what was written");
            claim(
                std::ranges::equal(found->second, record->bytes()),
                "a record is the one that was written there"
            );
        }
        bytes = bytes.subspan(record->bytes().size());
    }
}

/// What a reader shows, up to where it stops; false: at damage.
struct Shown {
    std::vector<Tail::Entry> entries;
    bool whole = false;
};

/// Reads everything that is left, in order, without a hole that nobody names.
Shown read_all(
    FakeDisk& disk, const Tail& tail, const SegmentList& segments, const History& history
) {
    Shown shown;
    Reader reader(disk, tail, segments);
    reader.seek(segments.oldest().value_or(Lsn{1}));
    const std::size_t most = 4 * kSegmentSize;
    for (std::size_t i = 0; i < most && reader.position() <= tail.durable(); ++i) {
        const Lsn from = reader.position();
        const auto read = reader.read(0, {});
        if (!read) {
            claim(reader.position() == from, "an error does not move a reader");
            return shown;  // damage in a sealed segment: told, not stepped over
        }
        claim(reader.position() > from, "a reader that reads moves on");
        if (read->chunk != nullptr) {
            claim(read->chunk->first() <= from, "no record is stepped over");
            check_chunk(read->chunk, history);
        } else {
            claim(read->gap.from == from && read->gap.cause != Gap::Cause::none, "a gap is named");
        }
        shown.entries.push_back({from, {reader.position().value - 1}, read->chunk, read->gap.cause}
        );
    }
    shown.whole = true;
    return shown;
}

/// The same journal from the disk and, as if it had just been written, from memory.
void check_readers(FakeDisk& disk, const Recovered& recovered, const History& history) {
    SegmentList segments;
    for (const SegmentInfo& segment : recovered.segments)
        segments.add(segment);
    Tail disk_only(0);
    disk_only.start_at(recovered.report.tail);
    const Shown shown = read_all(disk, disk_only, segments, history);
    if (!shown.whole || shown.entries.empty()) return;
    Tail memory(std::size_t{1} << 24U);
    memory.start_at(Lsn{shown.entries.front().first.value - 1});
    std::deque<Tail::Entry> entries(shown.entries.begin(), shown.entries.end());
    memory.publish(entries);
    const Shown again = read_all(disk, memory, segments, history);
    claim(again.whole && again.entries.size() == shown.entries.size(), "memory shows as much");
    for (std::size_t i = 0; i < shown.entries.size(); ++i)
        claim(
            again.entries[i].first == shown.entries[i].first &&
                again.entries[i].last == shown.entries[i].last &&
                again.entries[i].cause == shown.entries[i].cause,
            "memory shows what the disk shows"
        );
}

/// Each frame header of a segment is found by its place alone.
void check_headers(FakeDisk& disk, const Recovered& recovered) {
    for (const SegmentInfo& segment : recovered.segments) {
        auto scan = SegmentScan::open(disk, segment);
        if (!scan) continue;
        std::uint64_t at = 0;
        while (const auto header = scan->next_header(at)) {
            if (!*header) break;
            claim((*header)->offset >= at, "a header stands behind the place asked for");
            at = (*header)->offset + kBlock;
        }
    }
}

void check_surveys(FakeDisk& disk) {
    for (const std::string& name : disk.names(kFolder)) {
        if (!segment_number(name)) continue;
        const auto bytes = disk.contents(kFolder / name);
        const auto found = survey(bytes, {5});
        if (!found) continue;
        std::uint64_t next = found->header.first;
        std::size_t frame = 0;
        std::size_t damage = 0;
        while (frame < found->frames.size() || damage < found->damages.size()) {
            const bool lost = damage < found->damages.size() &&
                              (frame == found->frames.size() ||
                               found->damages[damage].offset < found->frames[frame].offset);
            if (lost) {
                const Damage& hole = found->damages[damage++];
                if (hole.lost() != 0) {
                    claim(hole.from.value == next, "damage begins where the records end");
                    next = hole.to.value + 1;
                }
            } else {
                claim(found->frames[frame].first == next, "frames and damage leave no hole");
                next = found->frames[frame++].next().value;
            }
        }
        claim(found->last.value + 1 == next, "the last LSN is that of the last frame or damage");
    }
}

void start(FakeDisk& disk, const History& history, const Surroundings& around) {
    std::map<std::string, Bytes> sealed;
    for (const std::string& name : disk.names(kFolder)) {
        const auto bytes = disk.contents(kFolder / name);
        if (segment_number(name) && bytes.size() >= kBlock &&
            load_footer(std::span(bytes).last(kBlock)))
            sealed[name] = bytes;
    }
    if (around.full) disk.set_capacity(disk.used() + sizeof(Identity));
    const auto first = recover(inputs(around), disk);
    if (!first) {
        if (around.accept) return;
        for (const auto& [name, bytes] : sealed)
            claim(
                disk.contents(kFolder / name) == bytes, "a refused start changes no sealed segment"
            );
        return;
    }
    claim(first->report.next > first->report.tail, "no LSN is given twice");
    claim(first->report.next.value > around.elsewhere, "no LSN that a cursor names is given again");
    claim(
        around.accept || first->report.lost_lsns == 0, "a start that was not told to loses nothing"
    );
    Lsn due{0};
    for (const SegmentInfo& segment : first->segments) {
        claim(due.value == 0 || segment.first == due, "segments leave no hole between them");
        claim(segment.sealed, "a start leaves sealed segments");
        due = segment.last.next();
    }
    check_readers(disk, *first, history);
    check_headers(disk, *first);
    // The next start finds nothing to mend.
    const auto second = recover(inputs({}), disk);
    claim(second.ok(), "what a start mended starts again");
    claim(second->report.tail == first->report.tail, "a second start loses nothing");
    claim(
        second->report.torn_bytes == 0 && second->report.lost_lsns == 0,
        "a second start cuts nothing"
    );
    claim(second->report.next >= first->report.tail.next(), "no LSN is given twice");
}

}  // namespace
}  // namespace penstock::journal

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock;
    using namespace penstock::journal;
    fuzz::Input input(data, size);
    Surroundings around;
    around.accept = input.flag();
    constexpr std::uint64_t kElsewhere[] = {0, 1, 5, 1000};
    around.elsewhere = kElsewhere[input.choice(4)];
    around.full = input.flag();
    FakeDisk disk;
    History history(disk);
    history.play(input.text());
    if (!history.forged_) check_surveys(disk);
    start(disk, history, around);
    return 0;
}

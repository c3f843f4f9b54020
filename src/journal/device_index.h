#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/record.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Which records of one segment belong to which device: what "latest" and "the last hours of this
/// device" are answered from. Derived data: an index that is missing or bad is built again from its
/// segment.
///
/// Format of `<segment>.index`, version 1 (integers little-endian; `varint` is LEB128, `signed`
/// zigzag LEB128, `text` a varint length and the bytes; every part has a CRC32C of its own, so that
/// one can be read without the others):
///
///     header     magic u32 "PSDI", version u16, reserved u16, journal id 16 bytes, segment nonce
///     u64,
///                first LSN u64, last LSN u64, records u64, frames {offset u64, size u64, crc u32},
///                directory {offset u64, size u64, crc u32}, file size u64, header crc u32
///     blocks     of about 4 KiB: crc u32, then per (device, stream), sorted by device, then
///     stream:
///                shared varint (bytes in common with the device before it in the block), rest
///                text, stream varint, records varint, oldest event time i64, newest event time
///                i64, newest record varint (LSN - first LSN), postings {offset varint, size
///                varint}
///     postings   per (device, stream): crc u32, then per record in LSN order: LSN varint (less the
///     one before, at first
///                less the first LSN), event time signed (less the one before)
///     frames     count varint, then per frame: records varint, LSNs skipped since the frame before
///     varint,
///                bytes skipped since the frame before varint, size varint
///     directory  streams: count varint, per stream {name text, records varint, oldest i64, newest
///     i64};
///                blocks: count varint, per block {first device text, offset varint, size varint}
namespace penstock::journal {

/// What quarantined records are filed under, whatever stream they were meant for.
constexpr std::string_view kQuarantineStream = "_quarantine";

/// The segment an index belongs to. An index of another segment, or of an earlier life of this one,
/// does not match.
struct IndexKey {
    JournalId journal;
    std::uint64_t nonce = 0;
    constexpr auto operator<=>(const IndexKey&) const = default;
};

/// One record's place in a device's list.
struct Posting {
    Lsn lsn;
    Nanoseconds event_time = 0;

    /// By event time, then LSN: the order of history.
    constexpr auto operator<=>(const Posting& other) const {
        if (const auto order = event_time <=> other.event_time; order != 0) return order;
        return lsn <=> other.lsn;
    }
    constexpr bool operator==(const Posting&) const = default;
};

/// A stream's share of a segment.
struct StreamSpan {
    std::string stream;
    std::uint64_t records = 0;
    Nanoseconds oldest = INT64_MAX;  // event times
    Nanoseconds newest = INT64_MIN;
};

/// A device's share of a stream's share.
struct DeviceSpan {
    std::string device;
    std::uint32_t stream = 0;  // index into streams()
    std::uint64_t records = 0;
    Nanoseconds oldest = INT64_MAX;
    Posting newest;
    std::uint64_t postings_at = 0;  // for the index itself
    std::uint64_t postings_size = 0;
};

/// Where a frame stands in its segment file.
struct FramePlace {
    Lsn first;
    std::uint32_t count = 0;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;  // header, records and padding up to the end of the records

    [[nodiscard]] bool holds(Lsn lsn) const noexcept {
        return lsn >= first && lsn.value - first.value < count;
    }
};

/// The questions history asks of one segment, sealed or open.
/// Threads: any thread.
class SegmentIndex {
public:
    virtual ~SegmentIndex() = default;

    [[nodiscard]] virtual std::vector<StreamSpan> streams() const = 0;
    /// A device's share, one entry a stream; empty when the segment has nothing of it.
    [[nodiscard]] virtual Result<std::vector<DeviceSpan>> find(std::string_view device) const = 0;
    /// The records of an entry that find() or page() returned, in LSN order.
    /// Memory: 16 bytes a record; at most the records of one segment.
    [[nodiscard]] virtual Result<std::vector<Posting>> postings(const DeviceSpan& entry) const = 0;
    /// All entries of the first `limit` devices behind `after`, sorted by device; quarantined
    /// records left out.
    [[nodiscard]] virtual Result<std::vector<DeviceSpan>> page(
        std::string_view after, std::size_t limit
    ) const = 0;
    /// The frames that hold these records (ascending), each once, ascending. Records of no frame
    /// are passed over.
    [[nodiscard]] virtual Result<std::vector<FramePlace>> frames_of(std::span<const Lsn> lsns
    ) const = 0;
};

/// The index of a segment in the making.
/// Memory: 24 bytes a record and a frame, and about 80 a device with its name: in the worst case
/// (every record another device) no more than its segment has on disk. Threads: any thread.
class OpenIndex final : public SegmentIndex {
public:
    explicit OpenIndex(IndexKey key) : key_(key) {}

    /// Takes in a frame behind the ones before it. Records that cannot be read are left out and
    /// counted.
    void add(const FramePlace& place, std::span<const std::byte> records);

    [[nodiscard]] std::vector<StreamSpan> streams() const override;
    [[nodiscard]] Result<std::vector<DeviceSpan>> find(std::string_view device) const override;
    [[nodiscard]] Result<std::vector<Posting>> postings(const DeviceSpan& entry) const override;
    [[nodiscard]] Result<std::vector<DeviceSpan>> page(std::string_view after, std::size_t limit)
        const override;
    [[nodiscard]] Result<std::vector<FramePlace>> frames_of(std::span<const Lsn> lsns
    ) const override;

    /// The LSN behind the last frame; 0 before the first.
    [[nodiscard]] Lsn end() const;
    [[nodiscard]] std::uint64_t unreadable() const;
    /// The file's bytes.
    [[nodiscard]] std::vector<std::byte> encode() const;

private:
    static constexpr std::uint32_t kNone = 0xffffffff;

    /// The first 16 bytes of a name, zeros behind it, as two numbers that sort as the text does.
    struct NameStart {
        static constexpr std::size_t kSize = 16;
        std::uint64_t high = 0;
        std::uint64_t low = 0;
        constexpr auto operator<=>(const NameStart&) const = default;
        static NameStart of(std::string_view name) noexcept;
    };

    /// A device's share of a stream's share: one cache line, for records come from any device.
    struct alignas(64) Slot {
        std::uint32_t hash = 0;  // the lower half of the device's
        std::uint32_t name = 0;  // offset in names_
        std::uint32_t name_size = 0;
        std::uint32_t stream = 0;
        std::uint32_t records = 0;
        std::uint32_t last = kNone;  // row of its newest record by LSN
        Nanoseconds oldest = INT64_MAX;
        Posting newest;  // by event time
        NameStart start;
    };
    static_assert(sizeof(Slot) == 64);

    /// A record, linked to the one before it in its slot.
    struct Row {
        Posting posting;
        std::uint32_t before = kNone;
    };

    /// A record about to be added.
    struct Coming {
        RecordView record;
        std::uint32_t hash = 0;
    };
    static constexpr std::uint32_t kAhead = 16;
    void add_record(Lsn lsn, const Coming& coming);
    std::uint32_t stream_of(std::string_view name);
    void grow_table();
    /// Calls `visit(slot index)` for each slot of that device until it returns true.
    template <class Visit>
    void visit_slots(std::string_view device, std::uint32_t hash, Visit visit) const;
    Slot& slot_of(std::string_view device, std::uint32_t hash, std::uint32_t stream);
    [[nodiscard]] std::string_view name(const Slot& slot) const {
        return std::string_view(names_).substr(slot.name, slot.name_size);
    }
    /// The rows of a slot in LSN order, in `out`.
    void rows_of(const Slot& slot, std::vector<Posting>& out) const;
    [[nodiscard]] DeviceSpan span_of(std::uint32_t slot) const;
    [[nodiscard]] std::vector<DeviceSpan> spans_of(std::string_view device) const;
    [[nodiscard]] std::vector<std::uint32_t> sorted_slots() const;
    [[nodiscard]] bool quarantine(std::uint32_t stream) const {
        return streams_[stream].stream == kQuarantineStream;
    }
    [[nodiscard]] Lsn base() const;

    const IndexKey key_;
    mutable std::mutex mutex_;  // guards everything below
    std::vector<StreamSpan> streams_;
    std::vector<FramePlace> frames_;
    std::vector<Slot> slots_;
    std::string names_;
    std::vector<Row> rows_;
    std::vector<std::uint32_t> table_;  // open addressing by device hash: slot + 1; 0: free
    std::uint64_t unreadable_ = 0;
};

/// Reads an index file piece by piece.
/// Memory: the directory (about 40 bytes per 4 KiB block).
/// Threads: any thread, when `read` may be called from any.
class IndexFile final : public SegmentIndex {
public:
    /// Fills `out` from `offset` of the file; short data is an error.
    using Read = std::function<Status(std::uint64_t offset, std::span<std::byte> out)>;

    /// Errors: corrupt (build it again), unsupported (written by a newer version), io.
    [[nodiscard]] static Result<std::unique_ptr<IndexFile>> open(
        Read read, std::uint64_t file_size, const IndexKey& key
    );

    [[nodiscard]] std::vector<StreamSpan> streams() const override { return streams_; }
    [[nodiscard]] Result<std::vector<DeviceSpan>> find(std::string_view device) const override;
    [[nodiscard]] Result<std::vector<Posting>> postings(const DeviceSpan& entry) const override;
    [[nodiscard]] Result<std::vector<DeviceSpan>> page(std::string_view after, std::size_t limit)
        const override;
    [[nodiscard]] Result<std::vector<FramePlace>> frames_of(std::span<const Lsn> lsns
    ) const override;

    [[nodiscard]] Lsn first() const noexcept { return header_.first; }
    [[nodiscard]] Lsn last() const noexcept { return header_.last; }
    [[nodiscard]] std::uint64_t records() const noexcept { return header_.records; }
    /// Bytes this object holds in memory, about.
    [[nodiscard]] std::size_t memory() const noexcept { return memory_; }
    /// Reads every part. Errors as open().
    [[nodiscard]] Status verify() const;

private:
    struct Part {
        std::uint64_t offset = 0;
        std::uint64_t size = 0;
        std::uint32_t crc = 0;
    };
    struct Header {
        IndexKey key;
        Lsn first;
        Lsn last;
        std::uint64_t records = 0;
        Part frames;
        Part directory;
        std::uint64_t file_size = 0;
    };
    struct Block {
        std::string first_device;
        std::uint64_t offset = 0;
        std::uint64_t size = 0;
    };

    explicit IndexFile(Read read) : read_(std::move(read)) {}
    [[nodiscard]] Status read_header(std::uint64_t file_size);
    [[nodiscard]] Status read_directory();
    [[nodiscard]] Result<std::vector<std::byte>> raw(std::uint64_t offset, std::uint64_t size)
        const;
    /// A part whose checksum stands in the header.
    [[nodiscard]] Result<std::vector<std::byte>> checked(const Part& part) const;
    /// A part whose checksum stands in front of it.
    [[nodiscard]] Result<std::vector<std::byte>> part(std::uint64_t offset, std::uint64_t size)
        const;
    [[nodiscard]] Result<std::vector<DeviceSpan>> entries(const Block& block) const;
    [[nodiscard]] Result<std::vector<FramePlace>> frames() const;
    /// The one block that may hold `device`.
    [[nodiscard]] std::size_t block_of(std::string_view device) const;

    Read read_;
    Header header_;
    std::vector<StreamSpan> streams_;
    std::vector<Block> blocks_;
    std::size_t memory_ = 0;
};

}  // namespace penstock::journal

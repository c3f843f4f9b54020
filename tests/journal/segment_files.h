#pragma once

#include "base/crc32c.h"
#include "journal/format.h"
#include "journal/segment_list.h"
#include "journal/tail.h"
#include "penstock/disk.h"
#include "penstock/log_reader.h"
#include "support/memory_chunk.h"
#include "support/record_builder.h"

#include <cstring>
#include <deque>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace penstock::test {

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(result).value();
}
inline void must(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
}

/// A journal's files made by hand, byte for byte as docs/JOURNAL_FORMAT.md says, without the code
/// that writes them:
///     files.begin(); files.add({a, b}); files.gap(10); files.seal(); files.begin(); ...
/// Threads: one writer; tail and segments as they say.
class SegmentFiles {
public:
    SegmentFiles(Disk& disk, std::filesystem::path directory, std::size_t memory_bytes = 0)
        : disk_(disk), directory_(std::move(directory)), tail(memory_bytes) {
        journal.bytes.fill(0x5a);
        must(disk_.make_directory(directory_));
    }

    /// Opens the next segment.
    void begin() {
        ++number_;
        open_ = {};
        open_.number = number_;
        open_.nonce = 0x1000 + number_;
        open_.first = next_;
        open_.created = kStart + static_cast<Nanoseconds>(number_) * 60 * kSecond;
        open_.path = directory_ / journal::segment_name(number_);
        file_ = must(disk_.open(open_.path, OpenMode::create));
        journal::SegmentHeader header;
        header.journal = journal.bytes;
        header.nonce = open_.nonce;
        header.number = number_;
        header.first = next_.value;
        header.predecessor_last = next_.value - 1;
        header.predecessor = number_ - 1;
        header.created = open_.created;
        header.size = size;
        std::vector<std::byte> block(journal::kBlock);
        journal::store(header, block);
        must(file_->resize(size));
        must(file_->write(block, 0));
        must(file_->write(block, journal::kBlock));
        std::memcpy(&chain_, block.data() + offsetof(journal::SegmentHeader, crc), sizeof chain_);
        offset_ = journal::kFirstFrameOffset;
        open_.bytes = size;
        frames_ = 0;
        segments.add(open_);
    }

    /// A frame with these records, durable.
    void add(const std::vector<std::vector<std::byte>>& records) {
        std::vector<std::byte> payload;
        for (const auto& record : records)
            payload.insert(payload.end(), record.begin(), record.end());
        journal::FrameHeader header;
        header.count = static_cast<std::uint32_t>(records.size());
        write_frame(header, payload);
        open_.records += header.count;
        auto chunk = std::make_shared<MemoryChunk>(next_, header.count, std::move(payload));
        publish(header.count, std::move(chunk), Gap::Cause::none);
    }
    void gap(std::uint64_t lsns, Gap::Cause cause = Gap::Cause::skipped) {
        journal::FrameHeader header;
        header.kind = journal::FrameKind::gap;
        header.gap_last = next_.value + lsns - 1;
        header.gap_cause = static_cast<std::uint16_t>(cause);
        write_frame(header, {});
        publish(lsns, nullptr, cause);
    }
    void empty() {
        journal::FrameHeader header;
        header.kind = journal::FrameKind::empty;
        write_frame(header, {});
    }

    void seal(journal::SealCause cause = journal::SealCause::rolled) {
        journal::SegmentFooter footer;
        footer.cause = cause;
        footer.frames = frames_;
        footer.journal = journal.bytes;
        footer.nonce = open_.nonce;
        footer.number = open_.number;
        footer.first = open_.first.value;
        footer.last = next_.value - 1;
        footer.records = open_.records;
        footer.offset = offset_;
        footer.created = open_.created;
        footer.sealed = open_.created + 30 * kSecond;
        footer.chain = chain_;
        std::vector<std::byte> block(journal::kBlock);
        journal::store(footer, block);
        must(file_->write(block, offset_));
        must(file_->resize(offset_ + journal::kBlock));
        must(file_->sync());
        open_.last = {next_.value - 1};
        open_.bytes = offset_ + journal::kBlock;
        open_.sealed = true;
        open_.sealed_at = footer.sealed;
        segments.update(open_);
    }

    /// Turns one bit of a segment file over.
    void flip(std::uint64_t number, std::uint64_t byte, unsigned bit = 0) const {
        const auto file =
            must(disk_.open(directory_ / journal::segment_name(number), OpenMode::write));
        std::vector<std::byte> one(1);
        must(file->read(one, byte));
        one[0] ^= static_cast<std::byte>(1U << bit);
        must(file->write(one, byte));
    }

    [[nodiscard]] Lsn next() const { return next_; }
    [[nodiscard]] const journal::SegmentInfo& open_segment() const { return open_; }

    static constexpr Nanoseconds kStart = 1'767'323'045 * kSecond;

private:
    Disk& disk_;
    std::filesystem::path directory_;

public:
    JournalId journal;
    journal::Tail tail;
    journal::SegmentList segments;
    std::uint64_t size = 1 << 20;
    std::uint64_t last_frame = 0;  // offset of the newest frame

private:
    void write_frame(journal::FrameHeader header, const std::vector<std::byte>& payload) {
        header.nonce = open_.nonce;
        header.offset = offset_;
        header.first = next_.value;
        header.committed_through = next_.value - 1;
        header.payload_bytes = static_cast<std::uint32_t>(payload.size());
        header.payload_crc = crc32c(payload);
        header.previous = chain_;
        std::vector<std::byte> bytes(header.stored_bytes());
        chain_ = journal::store(header, bytes);
        std::copy(payload.begin(), payload.end(), bytes.begin() + sizeof header);
        must(file_->write(bytes, offset_));
        last_frame = offset_;
        offset_ += bytes.size();
        ++frames_;
    }
    void publish(std::uint64_t lsns, ChunkPtr chunk, Gap::Cause cause) {
        journal::Tail::Entry entry;
        entry.first = next_;
        entry.last = next_.plus(lsns - 1);
        entry.footprint = chunk ? chunk->records().size() : 1;
        entry.chunk = std::move(chunk);
        entry.cause = cause;
        entry.segment = number_;
        entry.offset = last_frame;
        next_ = entry.last.next();
        std::deque<journal::Tail::Entry> entries;
        entries.push_back(std::move(entry));
        tail.publish(entries);
    }

    Lsn next_{1};
    std::uint64_t number_ = 0;
    journal::SegmentInfo open_;
    DiskFilePtr file_;
    std::uint64_t offset_ = 0;
    std::uint32_t chain_ = 0;
    std::uint32_t frames_ = 0;
};

inline std::string hex(std::span<const std::byte> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const auto byte : bytes) {
        text += kDigits[static_cast<unsigned>(byte) >> 4U];
        text += kDigits[static_cast<unsigned>(byte) & 15U];
    }
    return text;
}

/// An encoded record of a device.
inline std::vector<std::byte> record_of(
    std::string_view device, Nanoseconds event_time, std::string_view payload = "{}"
) {
    return RecordBuilder().device(device).event_time(event_time).payload(payload).bytes();
}

}  // namespace penstock::test

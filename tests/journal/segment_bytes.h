#pragma once

#include "base/crc32c.h"
#include "journal/format.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace penstock::test {

/// A segment's bytes, made frame by frame without the code that writes journals.
class SegmentBytes {
public:
    explicit SegmentBytes(std::uint64_t nonce = 77, std::uint64_t first = 1) : next_(first) {
        header_.journal.fill(9);
        header_.nonce = nonce;
        header_.number = 1;
        header_.first = first;
        header_.predecessor_last = first - 1;
        bytes.resize(journal::kFirstFrameOffset);
        journal::store(header_, bytes);
        journal::store(header_, std::span(bytes).subspan(journal::kBlock));
        chain_ = journal::chain_of(header_);
    }

    /// `count` records of `size` bytes; the frame says that everything up to `committed` is
    /// durable.
    SegmentBytes& add(std::uint32_t count, std::uint32_t size, std::uint64_t committed) {
        journal::FrameHeader frame;
        frame.count = count;
        frame.payload_bytes = count * size;
        std::vector<std::byte> payload(frame.payload_bytes);
        for (std::size_t i = 0; i < payload.size(); ++i)
            payload[i] = static_cast<std::byte>(next_ * 13 + i);
        frame.payload_crc = crc32c(payload);
        return put(frame, committed, payload);
    }
    SegmentBytes& empty(std::uint64_t committed) {
        journal::FrameHeader frame;
        frame.kind = journal::FrameKind::empty;
        return put(frame, committed, {});
    }
    SegmentBytes& seal(journal::SealCause cause = journal::SealCause::closed) {
        journal::SegmentFooter footer;
        footer.cause = cause;
        footer.journal = header_.journal;
        footer.nonce = header_.nonce;
        footer.number = 1;
        footer.first = header_.first;
        footer.last = next_ - 1;
        footer.offset = bytes.size();
        bytes.resize(bytes.size() + journal::kBlock);
        journal::store(footer, std::span(bytes).subspan(footer.offset));
        return *this;
    }
    /// Zeros behind, as in a segment that is still open.
    SegmentBytes& zeros(std::size_t blocks = 4) {
        bytes.resize(bytes.size() + blocks * journal::kBlock);
        return *this;
    }

    /// Frame i with its padding.
    [[nodiscard]] std::span<std::byte> frame(std::size_t i) {
        return std::span(bytes).subspan(frames[i].offset, frames[i].stored_bytes());
    }

    std::vector<std::byte> bytes;
    std::vector<journal::FrameHeader> frames;

private:
    SegmentBytes& put(
        journal::FrameHeader frame, std::uint64_t committed, std::span<const std::byte> payload
    ) {
        frame.nonce = header_.nonce;
        frame.offset = bytes.size();
        frame.first = next_;
        frame.committed_through = committed;
        frame.previous = chain_;
        bytes.resize(bytes.size() + frame.stored_bytes());
        const auto out = std::span(bytes).subspan(frame.offset);
        frame.crc = chain_ = journal::store(frame, out);
        std::ranges::copy(payload, out.begin() + sizeof(journal::FrameHeader));
        next_ = frame.next().value;
        frames.push_back(frame);
        return *this;
    }

    journal::SegmentHeader header_;
    std::uint64_t next_;
    std::uint32_t chain_ = 0;
};

}  // namespace penstock::test

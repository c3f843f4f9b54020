#pragma once

#include "journal/device_index.h"
#include "penstock/ids.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace penstock::journal {

/// Builds the bytes of an index file (format: device_index.h). Life: add() for each device's share,
/// sorted by device, then stream -> finish(), once.
/// Memory: the file, 4 KiB, and about 100 bytes a share. Threads: owner.
class IndexWriter {
public:
    /// `base` is the segment's first LSN: what others are written relative to.
    explicit IndexWriter(Lsn base);

    /// A device's share and its records in LSN order. Where its postings stand is found here.
    void add(DeviceSpan entry, std::span<const Posting> postings);
    /// Writes what follows the postings. `frames` are sorted by LSN; `records` is the segment's.
    [[nodiscard]] std::vector<std::byte> finish(
        const IndexKey& key,
        const std::vector<StreamSpan>& streams,
        const std::vector<FramePlace>& frames,
        std::uint64_t records
    ) &&;

private:
    const Lsn base_;
    std::vector<std::byte> file_;
    std::vector<DeviceSpan> entries_;
    std::vector<std::byte> postings_;  // of one share; kept for its memory
};

}  // namespace penstock::journal

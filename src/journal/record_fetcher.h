#pragma once

#include "journal/index_keeper.h"
#include "journal/reader.h"
#include "penstock/history.h"
#include "penstock/ids.h"
#include "penstock/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace penstock::journal {

/// Gets single records by LSN: from memory while they are there, else from their segment, whose
/// frame is read whole and checked. The last frame is kept, so that neighbours cost one read.
/// Memory: one frame, and the places of the frames that were announced.
/// Threads: owner.
class RecordFetcher {
public:
    RecordFetcher(const LogParts& log, IndexKeeper& keeper) : log_(log), keeper_(keeper) {}

    /// The records that will be asked for (any order): their frames are looked up once a segment.
    /// Those of segments that are gone are passed over.
    [[nodiscard]] Status announce(std::vector<Lsn> lsns);
    /// Errors: not_found (gone meanwhile), corrupt, io.
    [[nodiscard]] Result<StoredRecord> get(Lsn lsn);

private:
    struct Frame {
        FramePlace place;
        std::uint64_t segment = 0;  // number
    };
    [[nodiscard]] Result<ChunkPtr> chunk_of(Lsn lsn);
    [[nodiscard]] Result<ChunkPtr> read_frame(const Frame& frame);

    const LogParts& log_;
    IndexKeeper& keeper_;
    std::map<std::uint64_t, SegmentInfo> segments_;
    std::map<Lsn, Frame> frames_;  // by first LSN
    std::optional<SegmentScan> scan_;
    ChunkPtr chunk_;
};

}  // namespace penstock::journal

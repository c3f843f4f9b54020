#pragma once

#include "penstock/ids.h"
#include "penstock/record.h"
#include "penstock/result.h"

#include <memory>
#include <span>
#include <stop_token>

namespace penstock {

/// A contiguous run of durable records, kept alive as a whole.
/// Threads: immutable.
class Chunk {
public:
    virtual ~Chunk() = default;
    [[nodiscard]] virtual Lsn first() const noexcept = 0;
    [[nodiscard]] virtual std::uint32_t count() const noexcept = 0;
    /// Encoded records back to back; walk them with RecordView::parse.
    [[nodiscard]] virtual std::span<const std::byte> records() const noexcept = 0;
};

using ChunkPtr = std::shared_ptr<const Chunk>;

/// Records that will never come: expired by retention, lost to corruption and accepted by the
/// operator, or LSNs that were skipped at a start.
struct Gap {
    enum class Cause { none, expired, corrupt, skipped };
    Lsn from;  // inclusive
    Lsn to;    // inclusive
    Cause cause = Cause::none;
};

/// What a read brought: a chunk, a gap to step over, or neither (nothing new within the wait).
struct ReadResult {
    ChunkPtr chunk;
    Gap gap;
};

/// An independent reader of the journal. Sees durable records only (R1), in LSN order, each exactly
/// once per pass. Memory: one chunk at a time, at most the largest frame. Threads: its owner; the
/// journal may be used by others meanwhile.
class LogReader {
public:
    virtual ~LogReader() = default;
    /// The next read starts at `lsn`.
    virtual void seek(Lsn lsn) = 0;
    /// The LSN that comes next.
    [[nodiscard]] virtual Lsn position() const = 0;
    /// Waits at most `wait` for something at position() and moves behind it. A chunk may begin
    /// before the position that was asked for with seek(): the caller skips those records. Errors:
    /// io, corrupt (position unchanged).
    [[nodiscard]] virtual Result<ReadResult> read(
        Nanoseconds wait, const std::stop_token& stop
    ) = 0;
    /// The newest durable LSN.
    [[nodiscard]] virtual Lsn durable() const = 0;
};

}  // namespace penstock

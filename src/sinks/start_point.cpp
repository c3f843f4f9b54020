#include "sinks/start_point.h"

#include "base/iso_time.h"
#include "base/text.h"
#include "sinks/chunk_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace penstock::sinks {
namespace {

/// The first record of a chunk that arrived at `time` or later.
struct Arrival {
    Lsn lsn;
    bool leads = false;  // no record of the chunk stands before it
};

std::optional<Arrival> first_in(const ChunkPtr& chunk, Nanoseconds time) {
    ChunkWalk walk(chunk);
    for (bool leads = true; !walk.done(); leads = false) {
        const auto record = walk.peek();
        if (!record) break;
        if (record->arrival_time() >= time) return Arrival{walk.lsn(), leads};
        walk.pass(*record);
    }
    return std::nullopt;
}

/// The chunk that holds `at`, or the first behind it; null when there is none before `end`.
Result<ChunkPtr> chunk_from(LogReader& reader, Lsn at, Lsn end, const std::stop_token& stop) {
    reader.seek(at);
    while (reader.position() < end) {
        PS_TRY(const ReadResult got, reader.read(0, stop));
        if (got.chunk) return got.chunk->first() < end ? got.chunk : nullptr;
        if (got.gap.cause == Gap::Cause::none) break;
    }
    return ChunkPtr();
}

}  // namespace

Result<StartAt> StartAt::parse(std::string_view text) {
    if (text == "earliest") return StartAt{};
    if (text == "latest") return StartAt{Kind::latest, 0};
    if (const auto time = parse_iso_time(text)) return StartAt{Kind::time, *time};
    return Error{
        Errc::invalid_argument, "must be earliest, latest or a time such as 2026-01-02T03:04:05Z"
    };
}

std::string StartAt::text() const {
    if (kind == Kind::earliest) return "earliest";
    if (kind == Kind::latest) return "latest";
    std::string out;
    append_iso_time(time, out);
    return out;
}

Result<Lsn> first_arrival_at(LogReader& reader, Nanoseconds time, const std::stop_token& stop) {
    // All before `low` arrived earlier; what stands at `high` did not.
    Lsn low = reader.position();
    Lsn high = reader.durable().next();
    while (low < high) {
        const Lsn middle{low.value + (high.value - low.value) / 2};
        PS_TRY(const ChunkPtr chunk, chunk_from(reader, middle, high, stop));
        if (!chunk) {
            high = middle;
            continue;
        }
        const auto found = first_in(chunk, time);
        if (!found) {
            low = std::min(high, chunk->first().plus(chunk->count()));
        } else if (found->leads) {
            high = std::max(low, std::min(middle, found->lsn));
        } else {
            low = high = std::clamp(found->lsn, low, high);
        }
    }
    return low;
}

Result<Lsn> wanted_lsn(LogReader& reader, Lsn oldest, std::string_view text) {
    const Lsn behind_newest = reader.durable().next();
    if (const auto number = text::parse_uint(text)) {
        const Lsn lsn{*number};
        if (lsn >= oldest && lsn <= behind_newest) return lsn;
        return Error{
            Errc::invalid_argument,
            fmt::format(
                "LSN {} is not kept: the journal holds {} to {}",
                lsn.value,
                oldest.value,
                behind_newest.value - 1
            )
        };
    }
    const auto start = StartAt::parse(text);
    if (!start.ok()) {
        return Error{
            Errc::invalid_argument,
            fmt::format(
                "'{}' must be earliest, latest, a time such as 2026-01-02T03:04:05Z, or an LSN",
                text
            )
        };
    }
    switch (start->kind) {
        case StartAt::Kind::earliest:
            return oldest;
        case StartAt::Kind::latest:
            return behind_newest;
        case StartAt::Kind::time:
            break;
    }
    reader.seek(oldest);
    return first_arrival_at(reader, start->time, {});
}

}  // namespace penstock::sinks

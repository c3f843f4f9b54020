#include "sinks/feeder.h"

#include "base/log.h"

#include <utility>

namespace penstock::sinks {
namespace {

Fate fate_of(Gap::Cause cause) {
    switch (cause) {
        case Gap::Cause::expired:
            return Fate::expired;
        case Gap::Cause::corrupt:
            return Fate::corrupt;
        case Gap::Cause::skipped:
        case Gap::Cause::none:
            break;
    }
    return Fate::skipped;
}

}  // namespace

Feeder::Feeder(
    std::string id,
    const SinkConfig& settings,
    const Selection& only,
    LogReader& reader,
    Sink& sink,
    const RefusedQueue& refused
)
    : id_(std::move(id)),
      reader_(reader),
      sink_(sink),
      refused_(refused),
      filter_(settings, only) {}

void Feeder::begin_behind(const Ledger& ledger) {
    drop();
    reader_.seek(ledger.last().next());
}

void Feeder::drop() {
    walk_ = {};
}

Result<Fed> Feeder::feed(Ledger& ledger, Nanoseconds wait, const std::stop_token& stop) {
    for (std::size_t i = 0; i < kRecordsPerFeed; ++i) {
        if (walk_.done()) {
            PS_TRY(const bool more, read_on(ledger, i == 0 ? wait : 0, stop));
            if (!more) return Fed::caught_up;
        }
        if (!walk_.done() && !put_one(ledger)) return Fed::full;
    }
    return Fed::behind;
}

/// Gets the next chunk, or steps over a gap. False: the journal has neither.
Result<bool> Feeder::read_on(Ledger& ledger, Nanoseconds wait, const std::stop_token& stop) {
    PS_TRY(auto got, reader_.read(wait, stop));
    const bool gap = got.gap.cause != Gap::Cause::none;
    if (gap) step_over(ledger, got.gap);
    if (!got.chunk) return gap;
    walk_ = ChunkWalk(std::move(got.chunk));
    if (const auto record = walk_.peek()) lag_.see(walk_.lsn(), record->arrival_time());
    if (walk_.lsn() > ledger.last().next()) {
        log::error(
            "journal reader left out records",
            {{"sink", id_}, {"from", ledger.last().value + 1}, {"to", walk_.lsn().value - 1}}
        );
        ledger.note(Lsn{walk_.lsn().value - 1}, Fate::corrupt);
    }
    return true;
}

void Feeder::step_over(Ledger& ledger, const Gap& gap) {
    const Fate fate = fate_of(gap.cause);
    if (fate != Fate::skipped) {
        log::error(
            "sink steps over records that the journal no longer has",
            {{"sink", id_}, {"from", gap.from.value}, {"to", gap.to.value}}
        );
    }
    ledger.note(gap.to, fate);
    sink_.skip(gap.to);
}

/// Passes one record of the chunk on. False: the sink is full.
bool Feeder::put_one(Ledger& ledger) {
    const auto record = walk_.peek();
    if (!record) {
        lose_rest_of_chunk(ledger);
        return true;
    }
    const Lsn lsn = walk_.lsn();
    const bool fresh = lsn > ledger.last();
    if (fresh) {
        const bool takes = filter_.takes(lsn, *record);
        const bool known = takes && (ledger.refused(lsn) || refused_.contains(lsn));
        if (takes && !known && !sink_.put(lsn, *record)) return false;
        ledger.note(lsn, takes ? Fate::put : Fate::filtered);
        if ((!takes || known) && lsn == walk_.last()) sink_.skip(lsn);
    }
    walk_.pass(*record);
    return true;
}

void Feeder::lose_rest_of_chunk(Ledger& ledger) {
    log::error(
        "record in the journal cannot be read, the rest of its frame is passed over",
        {{"sink", id_}, {"lsn", walk_.lsn().value}, {"to", walk_.last().value}}
    );
    ledger.note(walk_.last(), Fate::corrupt);
    sink_.skip(walk_.last());
    drop();
}

}  // namespace penstock::sinks

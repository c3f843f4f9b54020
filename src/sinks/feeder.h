#pragma once

#include "penstock/clock.h"
#include "penstock/log_reader.h"
#include "penstock/result.h"
#include "penstock/sink.h"
#include "sinks/chunk_walk.h"
#include "sinks/config.h"
#include "sinks/filter.h"
#include "sinks/lag.h"
#include "sinks/ledger.h"
#include "sinks/refused_queue.h"

#include <cstdint>
#include <stop_token>
#include <string>

namespace penstock::sinks {

/// Where a feed ended.
enum class Fed : std::uint8_t {
    full,       // the sink takes no more
    behind,     // the journal has more
    caught_up,  // the journal has no more
};

/// The way of records to a sink: journal reader -> filter -> sink. Notes in the ledger what became
/// of each on the way, and steps over gaps in the journal, which it logs and notes.
/// Bound: kRecordsPerFeed records a call; one chunk is held.
/// Threads: owner.
class Feeder {
public:
    static constexpr std::size_t kRecordsPerFeed = 4096;

    /// All but `settings` and `only` must outlive this. Records that wait in `refused` are not put
    /// again.
    Feeder(
        std::string id,
        const SinkConfig& settings,
        const Selection& only,
        LogReader& reader,
        Sink& sink,
        const RefusedQueue& refused
    );

    /// Goes on behind what the ledger has noted last.
    void begin_behind(const Ledger& ledger);
    /// Forgets the chunk it holds: for begin_behind() later.
    void drop();
    /// Gives the sink what it takes; waits at most `wait` for the first record. Errors: the journal
    /// cannot be read.
    [[nodiscard]] Result<Fed> feed(Ledger& ledger, Nanoseconds wait, const std::stop_token& stop);

    /// Age of the oldest record above `settled`, of those seen; 0 when none is.
    [[nodiscard]] Nanoseconds age(Lsn settled, Nanoseconds now) { return lag_.age(settled, now); }

private:
    [[nodiscard]] Result<bool> read_on(
        Ledger& ledger, Nanoseconds wait, const std::stop_token& stop
    );
    void step_over(Ledger& ledger, const Gap& gap);
    bool put_one(Ledger& ledger);
    void lose_rest_of_chunk(Ledger& ledger);

    const std::string id_;
    LogReader& reader_;
    Sink& sink_;
    const RefusedQueue& refused_;
    Filter filter_;
    LagMarks lag_;
    ChunkWalk walk_;
};

}  // namespace penstock::sinks

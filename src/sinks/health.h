#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"
#include "sinks/balance.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::sinks {

/// What a runner is doing. The values are those of penstock_sink_state.
enum class SinkState : std::uint8_t {
    starting = 0,
    running = 1,
    backing_off = 2,  // the far side failed; waits, then tries again
    alarm =
        3,  // somebody has to act: credentials, settings, unreadable journal; tries again slowly
    holding = 4,  // the quarantine store is full; nothing passes until there is room
    stopped = 5,
};
[[nodiscard]] std::string_view name(SinkState state) noexcept;

/// How a sink is, for /v1/sinks and /ready.
struct SinkHealth {
    std::string id;
    std::string type;
    SinkState state = SinkState::starting;
    std::string last_error;         // empty: none yet; kept after the error has passed
    Nanoseconds last_error_at = 0;  // wall time
    std::uint32_t failures_in_a_row = 0;
    Lsn cursor;                     // saved
    Lsn durable;                    // of the journal
    std::uint64_t lag_records = 0;  // durable, and not yet settled at this sink
    double lag_seconds = 0;         // age of the oldest of them
    double rate = 0;                // records delivered a second, over the last ten seconds
    /// The ledger (R6), at one moment: durable = balance.cursor() + lag_records.
    Balance balance;
};

}  // namespace penstock::sinks

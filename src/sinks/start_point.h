#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/log_reader.h"
#include "penstock/result.h"

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

namespace penstock::sinks {

/// Where a sink without a cursor begins: `start_at`.
/// Threads: immutable.
struct StartAt {
    enum class Kind : std::uint8_t {
        earliest,  // with the oldest record that the journal still holds
        latest,    // with the first record after the sink was added
        time,      // with the first record that arrived at `time` or later
    };
    Kind kind = Kind::earliest;
    Nanoseconds time = 0;

    /// `earliest`, `latest` or a time (iso_time.h). Errors: invalid_argument.
    [[nodiscard]] static Result<StartAt> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    friend bool operator==(const StartAt&, const StartAt&) = default;
};

/// The LSN of the first record that arrived at `time` or later; that behind the newest when there
/// is none. Arrival times follow the LSNs but for a few milliseconds, and for steps of the clock:
/// where one went back, either side of it may be taken. Bisects: reads about 2 log2(chunks) chunks.
/// Leaves the reader anywhere. Errors: of the reader.
[[nodiscard]] Result<Lsn> first_arrival_at(
    LogReader& reader, Nanoseconds time, const std::stop_token& stop
);

/// Where an operator wants to begin: `earliest`, `latest` (behind the newest), a time of arrival,
/// or the LSN of a record that is kept, whose oldest is `oldest`. Leaves the reader anywhere.
/// Errors: invalid_argument, and those of the reader.
[[nodiscard]] Result<Lsn> wanted_lsn(LogReader& reader, Lsn oldest, std::string_view text);

}  // namespace penstock::sinks

#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/record.h"
#include "penstock/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// How a sink failed, and so what the runner does about it.
enum class FailureClass : std::uint8_t {
    transient,      // back off with full jitter, go on for ever
    throttled,      // the same, honouring retry_after
    credentials,    // alarm; go on trying slowly: never a loss
    configuration,  // alarm; go on trying slowly (topic, bucket or database missing)
};
[[nodiscard]] std::string_view name(FailureClass failure) noexcept;

struct SinkFailure {
    FailureClass kind = FailureClass::transient;
    std::string message;  // for the operator; device text in it is escaped
    std::optional<Nanoseconds> retry_after;
    /// The far side went away. With settle() > 0, what it confirmed within that time may be lost
    /// with it: the runner starts again behind the last settled record. Set it only when contact
    /// was lost (a connection refused or broken that was not just an idle one), not for an answer
    /// that says no: else a far side that often says no never settles.
    bool lost_contact = false;
};

/// A record that the far side will never take. The runner makes a durable copy before the cursor
/// passes it.
struct RefusedRecord {
    Lsn lsn;
    std::string reason;
};

/// What a call to poll() brought.
struct SinkProgress {
    /// Every record up to here is confirmed by the far side, refused for good, or was not for this
    /// sink (R3). Never decreases between two calls of reset().
    Lsn safe;
    std::optional<SinkFailure> failure;
    /// The far side does not answer or refuses us, and the sink itself goes on trying with what it
    /// has in flight: shown in the health and counted, nothing is reset. Report the same trouble at
    /// most once a second.
    std::optional<SinkFailure> trouble;
    /// New since the last report. A refused record is reported with, or before, the first `safe`
    /// that covers it.
    std::vector<RefusedRecord> refused;
    /// Handed to the transport since the last report, every try counted.
    std::uint64_t sent_records = 0;
    std::uint64_t sent_bytes = 0;
    /// Unless something is put, there is nothing to do for this long. 0: I/O is under way, poll
    /// again at once.
    Nanoseconds quiet_for = 0;
};

/// A destination: deliver records in order, report how far it is safe. The runner (one thread per
/// sink) owns the reader, the cursor, back-off, the filter and quarantine; the sink owns its
/// batches and its connection.
///
/// Life: construct -> reset(cursor) -> (put | skip | flush | poll)* -> on failure: back off,
/// reset(safe), put again from safe + 1 -> ... -> destroy, at any moment. Between a reported
/// failure and reset() nothing is put.
///
/// Bounds: no call but probe() waits longer than it is told to; the destructor takes at most
/// kSinkStopBound, whatever the far side does (a hung connection is dropped, never drained).
///
/// Threads: the runner's thread of this sink.
class Sink {
public:
    virtual ~Sink() = default;

    /// Takes a record into the batch in the making. Views into it die with the call: copy what is
    /// needed. LSNs increase strictly between two calls of reset(); records that were not put and
    /// not skipped do not exist. False: the in-flight window is full; poll() and put the same
    /// record again.
    [[nodiscard]] virtual bool put(Lsn lsn, const RecordView& record) = 0;
    /// The records up to `lsn` that were not put are not for this sink (filtered, quarantined,
    /// gap): they count as safe once all before them are. With nothing in flight the next poll()
    /// reports `safe` = lsn.
    virtual void skip(Lsn lsn) = 0;
    /// Sends what is in the making although it is not full.
    virtual void flush() = 0;
    /// Moves I/O along, for at most `wait` (returns early when there is progress to report), and
    /// reports. Also closes batches by age.
    [[nodiscard]] virtual SinkProgress poll(Nanoseconds wait) = 0;
    /// Forgets everything that is not confirmed, and connects anew. `safe` is what the next reports
    /// start from; it may lie below what was reported before (see SinkFailure::lost_contact). Does
    /// not wait for the connection.
    virtual void reset(Lsn safe) = 0;
    /// How long a confirmation must have stood before the cursor may be saved (far sides that
    /// confirm before they are durable). 0: at once. A sink with settle() > 0 watches its
    /// connection meanwhile and reports lost_contact. May change with what a poll() brought.
    [[nodiscard]] virtual Nanoseconds settle() const noexcept { return 0; }
    /// One line for /ready and `check --connect`: can the far side be reached with these settings?
    /// Waits at most `bound`. Sends no record and changes no state of this sink.
    [[nodiscard]] virtual Status probe(Nanoseconds bound) = 0;
};

constexpr Nanoseconds kSinkStopBound = 2 * kSecond;

}  // namespace penstock

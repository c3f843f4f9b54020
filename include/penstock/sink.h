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
    std::string message;
    std::optional<Nanoseconds> retry_after;
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
    /// sink (R3).
    Lsn safe;
    std::optional<SinkFailure> failure;
    std::vector<RefusedRecord> refused;
};

/// A destination: deliver records in order, report how far it is safe. The runner (one thread per
/// sink) owns the reader, the cursor, back-off, the filter and quarantine; the sink owns its
/// batches and its connection. Life: construct -> (put* flush? poll*)* -> on failure: reset, back
/// off, put again from safe + 1 -> destroy. Threads: the runner's thread of this sink.
class Sink {
public:
    virtual ~Sink() = default;

    /// Takes a record into the batch in the making; views into it must not be kept unless `hold`
    /// says so. False: the in-flight window is full; poll() and put the same record again.
    [[nodiscard]] virtual bool put(Lsn lsn, const RecordView& record) = 0;
    /// The records up to `lsn` that were not put are not for this sink (filtered, quarantined,
    /// gap): they count as safe once all before them are.
    virtual void skip(Lsn lsn) = 0;
    /// Sends what is in the making although it is not full.
    virtual void flush() = 0;
    /// Moves I/O along, for at most `wait`, and reports. Also closes batches by age.
    [[nodiscard]] virtual SinkProgress poll(Nanoseconds wait) = 0;
    /// Forgets everything that is not confirmed, and connects anew.
    virtual void reset(Lsn safe) = 0;
    /// How long a confirmation must have stood before the cursor may be saved (far sides that
    /// confirm before they are durable). 0: at once.
    [[nodiscard]] virtual Nanoseconds settle() const noexcept { return 0; }
    /// One line for /ready and `check --connect`: can the far side be reached with these settings?
    [[nodiscard]] virtual Status probe() = 0;
};

}  // namespace penstock

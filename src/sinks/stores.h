#pragma once

#include "penstock/ids.h"
#include "penstock/record.h"
#include "penstock/result.h"
#include "sinks/balance.h"
#include "sinks/confirmation.h"

#include <optional>
#include <span>
#include <string_view>

/// What a runner needs to be kept on disk for it. The journal's stores are bound to these in
/// stores.cpp; tests and the simulation bring their own.
namespace penstock::sinks {

/// A sink's cursor: everything up to it is delivered, or kept in quarantine.
/// Threads: the runner's.
class CursorFile {
public:
    virtual ~CursorFile() = default;
    /// Nothing: there is no cursor. Then lost() tells a new sink from one whose cursor cannot be
    /// read any more, which begins with the oldest record whatever `start_at` says.
    [[nodiscard]] virtual Result<std::optional<Lsn>> load() = 0;
    [[nodiscard]] virtual bool lost() const { return false; }
    /// What became of the LSNs up to the cursor that load() told.
    [[nodiscard]] virtual Balance balance() const = 0;
    /// Both durable on return, or neither. A failure leaves the old cursor: behind is safe.
    [[nodiscard]] virtual Status save(SafePoint safe, const Balance& balance) = 0;
};

/// One record that a far side refused for good.
struct RefusedCopy {
    Lsn lsn;
    std::string_view reason;
    RecordView record;  // empty when the journal no longer has it
};

/// Where refused records go before the cursor passes them.
/// Threads: the runner's.
class RefusedStore {
public:
    virtual ~RefusedStore() = default;
    /// All of them are durable on return, or none. Errc::full: the store is at its bound; the sink
    /// holds and tries again.
    [[nodiscard]] virtual Status keep(std::span<const RefusedCopy> copies) = 0;
};

}  // namespace penstock::sinks

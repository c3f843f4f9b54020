#pragma once

#include "journal/quarantine_marks.h"
#include "penstock/ids.h"
#include "penstock/result.h"
#include "sinks/ledger.h"

#include <cstddef>
#include <span>
#include <vector>

namespace penstock::sinks {

/// What became of every LSN that a sink's cursor has passed, since it stood at `base`. Saved in the
/// cursor's own file, so that both always tell of the same moment: cursor() is where the cursor
/// stands.
struct Balance {
    Lsn base;
    Tally tally;

    [[nodiscard]] Lsn cursor() const noexcept { return base.plus(tally.records()); }
    bool operator==(const Balance&) const = default;
};

/// A balance as an operator sees it, with what became of refused records later.
struct BalanceShown {
    std::uint64_t delivered = 0;    // redriven ones included
    std::uint64_t quarantined = 0;  // that are there still
    std::uint64_t dropped = 0;      // from quarantine, by order of an operator
};
/// `counts`: of the balance's base.
[[nodiscard]] BalanceShown shown(const Balance& balance, const journal::QuarantineCounts& counts);

/// The state in a cursor file, version 1: version u16, then base, confirmed, refused, filtered,
/// expired, corrupt and skipped, u64 each; little-endian.
[[nodiscard]] std::vector<std::byte> encode_balance(const Balance& balance);

/// Takes any bytes. Errors: not_found (none: the cursor was saved before there were balances),
/// corrupt, unsupported (of a newer version).
[[nodiscard]] Result<Balance> decode_balance(std::span<const std::byte> bytes);

/// The balance of a cursor that stands at `cursor`: what its state says, or a new one that begins
/// there when the state tells nothing about this position.
[[nodiscard]] Balance balance_at(Lsn cursor, std::span<const std::byte> state);

}  // namespace penstock::sinks

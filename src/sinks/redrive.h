#pragma once

#include "journal/quarantine_store.h"
#include "penstock/log_reader.h"
#include "penstock/result.h"
#include "sinks/stores.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

/// The parts with which a runner (runner.h) delivers a sink's entries of the quarantine store
/// again: a reader of the store in place of one of the journal, and a cursor whose saving settles
/// what the far side has confirmed.
namespace penstock::sinks {

/// Which entries: those of `sink` that are not settled, up to `through` in the store and to `last`
/// by LSN.
struct RedriveScope {
    std::string sink;
    Lsn base;  // of the sink's balance (QuarantineSettling::base)
    journal::QuarantineSpot through;
    Lsn last;                   // 0: nothing to redrive
    std::uint64_t entries = 0;  // that there are
    std::uint64_t empty = 0;    // of these: without a record that could be sent
};

/// Looks through the whole store. Entries above `up_to` are left out: the sink's cursor has not
/// passed them yet. Errors: of QuarantineStore::list().
[[nodiscard]] Result<RedriveScope> redrive_scope(
    const journal::QuarantineStore& store, std::string sink, Lsn base, Lsn up_to
);

/// One pass over a scope, by ascending LSN. An entry that stands behind one of a higher LSN is left
/// for the next pass; one that is refused again stays where it is, unsettled.
/// Bounds: one page of the store in memory (QuarantineStore::kPageBytes), what is in flight, and
/// kRefusedMax refusals.
/// Threads: reader, cursor and refused store: the runner's. The counts: any thread.
class Redrive {
public:
    static constexpr std::size_t kRefusedMax = 10'000;
    static constexpr std::uint32_t kPage = 1000;

    /// The store must outlive this, and this what it hands out.
    Redrive(journal::QuarantineStore& store, RedriveScope scope);

    [[nodiscard]] std::unique_ptr<LogReader> reader();
    /// Finds nothing: what is refused again needs no second copy.
    [[nodiscard]] static std::unique_ptr<LogReader> no_reader();
    [[nodiscard]] std::unique_ptr<CursorFile> cursor();
    [[nodiscard]] std::unique_ptr<RefusedStore> refused();

    [[nodiscard]] std::uint64_t redriven() const noexcept { return redriven_; }
    [[nodiscard]] std::uint64_t refused_again() const noexcept { return refused_again_; }
    /// More than kRefusedMax were refused again: the cause is not mended.
    [[nodiscard]] bool hopeless() const noexcept { return refused_again_ > kRefusedMax; }

private:
    using Entries = std::vector<journal::QuarantineSettling::Entry>;
    class Reader;
    class Cursor;
    class Refused;

    [[nodiscard]] Status settle(Lsn safe);

    journal::QuarantineStore& store_;
    const RedriveScope scope_;
    std::map<Lsn, Entries> under_way_;  // handed to the runner, not settled
    std::set<Lsn> refused_;             // again
    std::atomic<std::uint64_t> redriven_{0};
    std::atomic<std::uint64_t> refused_again_{0};
};

}  // namespace penstock::sinks

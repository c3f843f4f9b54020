#pragma once

#include "penstock/ids.h"

#include <cstdint>
#include <deque>
#include <set>

namespace penstock::sinks {

/// What became of a record on its way to one sink.
enum class Fate : std::uint8_t {
    put,       // handed to the sink
    filtered,  // not for this sink
    expired,   // gone from the journal before it was read
    corrupt,   // lost in the journal, and accepted as lost by the operator
    skipped,   // an LSN that never was a record
};

/// Numbers of records, by what became of them.
struct Tally {
    std::uint64_t confirmed = 0;
    std::uint64_t refused = 0;
    std::uint64_t filtered = 0;
    std::uint64_t expired = 0;
    std::uint64_t corrupt = 0;
    std::uint64_t skipped = 0;

    [[nodiscard]] std::uint64_t records() const noexcept {
        return confirmed + refused + filtered + expired + corrupt + skipped;
    }
    /// `put` counts as confirmed.
    void add(Fate fate, std::uint64_t n) noexcept;
    Tally& operator+=(const Tally& other) noexcept {
        confirmed += other.confirmed;
        refused += other.refused;
        filtered += other.filtered;
        expired += other.expired;
        corrupt += other.corrupt;
        skipped += other.skipped;
        return *this;
    }
    bool operator==(const Tally&) const = default;
};

/// The fate of every LSN between the cursor and the reader, so that each is counted once, when the
/// cursor passes it (R6), although a sink may be put the same record many times.
///
/// Memory: 32 bytes
/// per run of equal fate, or per 64 LSNs where fates alternate; bounded by what a sink keeps in
/// flight.
///
/// Threads: owner.
class Ledger {
public:
    /// Nothing at or below `start` is counted.
    explicit Ledger(Lsn start) : settled_(start), last_(start) {}

    /// The LSNs after the last noted one, up to `to`. Lower ones than that change nothing.
    void note(Lsn to, Fate fate);
    /// This record was refused for good, and a copy is durable.
    void refuse(Lsn lsn);
    [[nodiscard]] bool refused(Lsn lsn) const {
        return !refused_.empty() && refused_.contains(lsn);
    }
    [[nodiscard]] std::size_t refused_count() const noexcept { return refused_.size(); }
    /// The reader goes back behind `safe`: what was noted above is noted again. Refused ones stay
    /// known.
    void rewind(Lsn safe);
    /// The cursor passes up to `to`: counts and forgets. Precondition: noted.
    [[nodiscard]] Tally settle(Lsn to);

    [[nodiscard]] Lsn settled() const noexcept { return settled_; }
    [[nodiscard]] Lsn last() const noexcept { return last_; }
    /// Runs held: a measure of memory.
    [[nodiscard]] std::size_t runs() const noexcept { return runs_.size(); }

private:
    static constexpr std::uint64_t kMixable = 64;

    struct Run {
        std::uint64_t count = 0;
        std::uint64_t bits = 0;  // of a mixed run: bit i set = put, else filtered
        Fate fate = Fate::put;
        bool mixed = false;
    };

    static bool mix(Run& run, Fate fate);
    static void count(Run& run, std::uint64_t n, Tally& tally);

    Lsn settled_;
    Lsn last_;
    std::deque<Run> runs_;
    std::set<Lsn> refused_;
};

}  // namespace penstock::sinks

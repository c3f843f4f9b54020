#pragma once

#include "penstock/ids.h"
#include "penstock/result.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Which entries of the quarantine store are settled: redriven to their sink, or dropped. One small
/// file a sink, replaced as a whole, so that the marks and their counts are always of one moment.
namespace penstock::journal {

/// Where an entry of the store ends; with its file's number it names the entry for ever. File
/// numbers are never used twice.
struct QuarantineSpot {
    std::uint64_t file = 0;
    std::uint64_t offset = 0;

    auto operator<=>(const QuarantineSpot&) const = default;
    /// `12-4096`.
    [[nodiscard]] std::string text() const;
    /// Empty text: the beginning. Errors: invalid_argument.
    [[nodiscard]] static Result<QuarantineSpot> parse(std::string_view text);
};

/// What became of entries, in numbers.
struct QuarantineCounts {
    /// Of the sink's balance (sinks/balance.h) that these numbers belong to: they are of entries
    /// above it. A balance that began elsewhere has none.
    Lsn base;
    std::uint64_t redriven = 0;
    std::uint64_t dropped = 0;

    bool operator==(const QuarantineCounts&) const = default;
};

/// The marks of one sink.
/// Bound: kRangesMax ranges; entries that are settled in order take one.
/// Threads: owner.
class QuarantineMarks {
public:
    static constexpr std::size_t kRangesMax = 65'536;

    /// The entry that ends at `at` is settled. `after`: where the entry of the same sink before it
    /// ends, or any spot between. Errors: full (kRangesMax).
    [[nodiscard]] Status settle(QuarantineSpot after, QuarantineSpot at);
    [[nodiscard]] bool settled(QuarantineSpot at) const noexcept;
    /// The highest spot that is named; file 0 when none is.
    [[nodiscard]] QuarantineSpot highest() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }

    QuarantineCounts counts;

    /// Version 1 (integers little-endian): magic u32 "PSQM", version u16, zeros u16, journal id 16
    /// bytes, base, redriven and dropped u64 each, number of ranges u32, each range: file and
    /// offset behind which it begins, file and offset where it ends, u64 each; CRC-32C of all
    /// before u32.
    [[nodiscard]] std::vector<std::byte> encode(const JournalId& journal) const;
    /// Takes any bytes. Errors: corrupt, conflict (of another journal), unsupported.
    [[nodiscard]] static Result<QuarantineMarks> decode(
        std::span<const std::byte> bytes, const JournalId& journal
    );

private:
    struct Range {
        QuarantineSpot after;  // exclusive
        QuarantineSpot to;     // inclusive
    };
    std::vector<Range> ranges_;  // ascending, apart
};

}  // namespace penstock::journal

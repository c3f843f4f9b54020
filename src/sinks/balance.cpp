#include "sinks/balance.h"

#include "journal/byte_codec.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace penstock::sinks {
namespace {

constexpr std::uint16_t kVersion = 1;

}  // namespace

BalanceShown shown(const Balance& balance, const journal::QuarantineCounts& counts) {
    // An entry may be settled a moment before the cursor that counts it as refused is saved.
    const std::uint64_t refused = balance.tally.refused;
    const std::uint64_t redriven = std::min(counts.redriven, refused);
    const std::uint64_t dropped = std::min(counts.dropped, refused - redriven);
    return {balance.tally.confirmed + redriven, refused - redriven - dropped, dropped};
}

std::vector<std::byte> encode_balance(const Balance& balance) {
    const Tally& tally = balance.tally;
    std::vector<std::byte> out;
    journal::ByteWriter writer(out);
    writer.fixed(kVersion).fixed(balance.base.value);
    for (const std::uint64_t number :
         {tally.confirmed,
          tally.refused,
          tally.filtered,
          tally.expired,
          tally.corrupt,
          tally.skipped}) {
        writer.fixed(number);
    }
    return out;
}

Result<Balance> decode_balance(std::span<const std::byte> bytes) {
    if (bytes.empty()) return Error{Errc::not_found, "no balance"};
    journal::ByteReader in(bytes);
    const auto version = in.fixed<std::uint16_t>();
    if (in.ok() && version > kVersion)
        return Error{Errc::unsupported, "balance of a newer version"};
    Balance balance;
    Tally& tally = balance.tally;
    balance.base = {in.fixed<std::uint64_t>()};
    for (std::uint64_t* const number :
         {&tally.confirmed,
          &tally.refused,
          &tally.filtered,
          &tally.expired,
          &tally.corrupt,
          &tally.skipped}) {
        *number = in.fixed<std::uint64_t>();
    }
    if (!in.ok() || !in.empty() || version == 0)
        return Error{Errc::corrupt, "a balance that is none"};
    return balance;
}

Balance balance_at(Lsn cursor, std::span<const std::byte> state) {
    const auto saved = decode_balance(state);
    if (saved.ok() && saved->cursor() == cursor) return *saved;
    return Balance{cursor, {}};
}

}  // namespace penstock::sinks

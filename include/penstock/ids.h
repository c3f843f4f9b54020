#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace penstock {

/// Log sequence number: the position of a record in the node's one journal. The first record has 1;
/// 0 means "none yet". Never used twice within a journal id, not even after a crash. Threads:
/// immutable.
struct Lsn {
    std::uint64_t value = 0;

    constexpr auto operator<=>(const Lsn&) const = default;
    [[nodiscard]] constexpr Lsn next() const { return {value + 1}; }
    [[nodiscard]] constexpr Lsn plus(std::uint64_t n) const { return {value + n}; }
};

/// 128 random bits made with the data directory. (journal id, LSN) identifies a record everywhere,
/// for ever. Threads: immutable.
struct JournalId {
    std::array<std::uint8_t, 16> bytes{};

    constexpr auto operator<=>(const JournalId&) const = default;
    /// 32 lower-case hexadecimal digits.
    [[nodiscard]] std::string text() const;
};

/// Which shard (thread): 0 .. count-1.
struct ShardId {
    std::uint32_t value = 0;
    constexpr auto operator<=>(const ShardId&) const = default;
};

/// Stable 64-bit hash of a device or client id (XXH64, seed 0). Stored in the journal: never change
/// it. Source: xxHash specification 0.1.1, section "XXH64 algorithm".
[[nodiscard]] std::uint64_t device_hash(std::string_view id) noexcept;

/// The shard that owns a device's sessions, order and scoring state. Client ids use the same
/// function, so a device whose client id is its device id never leaves its shard.
[[nodiscard]] constexpr ShardId home_shard(std::uint64_t hash, std::uint32_t shards) noexcept {
    return {static_cast<std::uint32_t>(((hash >> 32) * shards) >> 32)};
}

}  // namespace penstock

template <>
struct std::hash<penstock::Lsn> {
    std::size_t operator()(penstock::Lsn lsn) const noexcept { return lsn.value; }
};

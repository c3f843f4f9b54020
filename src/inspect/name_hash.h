#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace penstock::inspect {

/// Bytes that must be readable behind a name that is hashed.
constexpr std::size_t kNameSlack = 8;

/// Hash of a field name, in memory only (no file holds one). Reads up to kNameSlack bytes behind
/// the name, without letting them matter: short names take one load instead of a loop. The seed
/// keeps devices from choosing names that collide.
inline std::uint64_t hash_name(std::string_view name, std::uint64_t seed) noexcept {
    constexpr std::uint64_t kMultiplier = 0x9e3779b97f4a7c15U;
    const auto load = [&name](std::size_t at) {
        std::uint64_t word = 0;
        std::memcpy(&word, name.data() + at, sizeof word);
        return word;
    };
    const std::size_t size = name.size();
    if (size == 0) return seed;
    std::uint64_t word = load(0);
    if (size < 8) word &= (std::uint64_t{1} << (size * 8)) - 1;
    std::uint64_t hash = (word ^ seed ^ size) * kMultiplier;
    hash ^= hash >> 32;
    if (size <= 8) return hash;
    for (std::size_t at = 8; at + 8 < size; at += 8) {
        hash = (hash ^ load(at)) * kMultiplier;
        hash ^= hash >> 32;
    }
    hash = (hash ^ load(size - 8)) * kMultiplier;
    return hash ^ (hash >> 32);
}

/// hash_name for texts without slack behind them. Not for the path of a record.
inline std::uint64_t hash_name_copy(std::string_view name, std::uint64_t seed) {
    std::string padded(name);
    padded.append(kNameSlack, '\0');
    return hash_name(std::string_view(padded).substr(0, name.size()), seed);
}

}  // namespace penstock::inspect

#pragma once

#include "inspect/name_hash.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::inspect {

/// The field names that a stream's rules mention, each with a number (slot) from 0 on. Names are
/// dotted paths: `position.lat`.
/// Threads: immutable once filled.
class NameTable {
public:
    static constexpr std::uint16_t kNone = 0xffff;

    explicit NameTable(std::uint64_t seed) noexcept : seed_(seed) {}

    /// The slot of a name, given out at its first mention. Bound: 4,096 names (the configuration is
    /// checked for it).
    std::uint16_t add(std::string_view name);

    /// The slot of a name with this hash_name(), or kNone.
    [[nodiscard]] std::uint16_t find(std::uint64_t hash, std::string_view name) const noexcept {
        if (names_.empty()) return kNone;
        for (std::size_t at = hash & mask_;; at = (at + 1) & mask_) {
            const Slot& slot = slots_[at];
            if (slot.number == kNone) return kNone;
            if (slot.hash == hash && names_[slot.number] == name) return slot.number;
        }
    }
    [[nodiscard]] std::uint16_t find(std::string_view name) const {
        return find(hash_name_copy(name, seed_), name);
    }

    [[nodiscard]] const std::string& name(std::uint16_t slot) const { return names_[slot]; }
    [[nodiscard]] std::uint16_t size() const noexcept {
        return static_cast<std::uint16_t>(names_.size());
    }
    /// Whether any name has a dot: only then nested names need a look-up.
    [[nodiscard]] bool nested() const noexcept { return nested_; }
    [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

private:
    struct Slot {
        std::uint64_t hash = 0;
        std::uint16_t number = kNone;
    };
    void rehash();

    std::uint64_t seed_;
    std::vector<std::string> names_;
    std::vector<Slot> slots_;
    std::size_t mask_ = 0;
    bool nested_ = false;
};

}  // namespace penstock::inspect

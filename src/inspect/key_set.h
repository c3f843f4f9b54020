#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace penstock::inspect {

/// The keys seen in the objects of one document, to find the one that comes twice in the same
/// object. Memory: 4 KiB until a document has more than 128 members, at most 1 MiB.
/// Threads: owning shard.
class KeySet {
public:
    enum class Added : std::uint8_t { fresh, duplicate, full };

    /// Members of one document, in all its objects.
    static constexpr std::size_t kMaxMembers = 16'384;
    /// Longer runs of occupied places come from keys chosen to collide; they count as full.
    static constexpr std::size_t kMaxProbes = 128;

    KeySet();

    /// Forgets everything.
    void clear() noexcept;

    /// The text of a key: `offset` into the payload, or into the decoded keys when `kDecoded` is
    /// set.
    struct Key {
        std::uint32_t offset = 0;
        std::uint16_t size = 0;
        std::uint16_t object = 0;
    };
    static constexpr std::uint32_t kDecoded = 0x80000000U;

    /// Adds a key. `payload` and `decoded` hold the texts of all keys so far.
    Added add(std::uint64_t hash, Key key, const char* payload, const char* decoded) {
        const auto mixed = static_cast<std::uint32_t>(hash >> 32U) ^ (key.object * 0x9e3779b1U);
        std::size_t at = mixed & mask_;
        for (std::size_t probes = 0;; ++probes, at = (at + 1) & mask_) {
            Slot& slot = slots_[at];
            if (slot.stamp != stamp_) {
                slot = {mixed, stamp_, key};
                return ++count_ * 2 > mask_ ? widen() : Added::fresh;
            }
            if (slot.hash == mixed && same(slot.key, key, payload, decoded))
                return Added::duplicate;
            if (probes == kMaxProbes) return Added::full;
        }
    }

private:
    struct Slot {
        std::uint32_t hash = 0;
        std::uint32_t stamp = 0;
        Key key;
    };
    static_assert(sizeof(Slot) == 16);

    static std::string_view text(
        const Key& key, const char* payload, const char* decoded
    ) noexcept {
        const char* base = (key.offset & kDecoded) != 0 ? decoded : payload;
        return {base + (key.offset & ~kDecoded), key.size};
    }
    static bool same(
        const Key& a, const Key& b, const char* payload, const char* decoded
    ) noexcept {
        return a.object == b.object && text(a, payload, decoded) == text(b, payload, decoded);
    }
    Added widen();
    void next_stamp() noexcept;

    std::vector<Slot> slots_;
    std::size_t mask_;
    std::size_t count_ = 0;
    std::uint32_t stamp_ = 1;
};

}  // namespace penstock::inspect

#pragma once

#include "inspect/char_buffer.h"
#include "inspect/json_token.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace penstock::inspect {

/// The keys that a stream's payloads have at their root, in the order of an earlier payload. A
/// device sends the same keys in the same order each time, so that comparing with the expected key
/// takes the place of finding its end, hashing it, asking for its slot and proving it unique: the
/// keys of a shape differ from each other, and so does any choice of them in rising order. A
/// payload that deviates costs what it would have cost without. Bounds: 256 keys, 8 KiB of text.
/// Payloads beyond have no shape.
/// Threads: owning shard.
class Shape {
public:
    static constexpr std::size_t kMaxKeys = 256;
    static constexpr std::size_t kMaxText = 8192;
    static constexpr std::size_t kNone = ~std::size_t{0};

    /// A key at the root of the payload at hand.
    struct Key {
        std::uint64_t hash = 0;
        std::uint32_t offset = 0;  // in the payload; in a shape: in its text
        std::uint16_t size = 0;
        std::uint16_t slot = 0;  // of the name table
    };

    /// The first key from number `from` on, at most kAhead further, that stands at `text` with its
    /// closing quote; or kNone.
    [[nodiscard]] std::size_t match(const char* text, std::size_t from) const noexcept {
        const std::size_t last = from + kAhead < keys_.size() ? from + kAhead : keys_.size();
        for (std::size_t i = from; i < last; ++i) {
            if (stands_at(text, keys_.data()[i])) return i;
        }
        return kNone;
    }
    [[nodiscard]] const Key& key(std::size_t i) const noexcept { return keys_.data()[i]; }

    /// A payload had these keys; `kept` says whether the shape had foreseen them. What is not
    /// foreseen several times running becomes the new shape.
    void learn(const char* payload, std::span<const Key> keys, bool kept) {
        if (kept) {
            doubt_ = 0;
        } else if (keys_.empty() || ++doubt_ >= kPatience) {
            take(payload, keys);
        }
    }

private:
    static constexpr std::size_t kAhead = 4;  // so many optional keys may be left out in a row
    static constexpr unsigned kPatience = 3;

    [[nodiscard]] bool stands_at(const char* text, const Key& key) const noexcept {
        const char* const mine = text_.view().data() + key.offset;
        const std::size_t size = key.size + std::size_t{1};
        for (std::size_t at = 0; at < size; at += kBlock) {
            const std::uint32_t wanted = size - at >= kBlock ? 0xffffU : (1U << (size - at)) - 1;
            if ((equal_bits(text + at, mine + at) & wanted) != wanted) return false;
        }
        return true;
    }
    void take(const char* payload, std::span<const Key> keys);

    std::vector<Key> keys_;
    CharBuffer text_;  // each key with its closing quote
    unsigned doubt_ = 0;
};

}  // namespace penstock::inspect

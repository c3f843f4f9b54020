#pragma once

#include "inspect/char_buffer.h"
#include "penstock/record.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace penstock::inspect {

/// What the payload holds under a name that the stream's rules mention.
struct Known {
    enum class Kind : std::uint8_t {
        absent,
        null,
        boolean,
        integer,
        number,
        string,
        array,
        object
    };
    static constexpr std::uint16_t kNoEntry = 0xffff;

    const char* text = nullptr;
    double number = 0;  // of integers and numbers, once `parsed`
    std::uint32_t size = 0;
    std::uint16_t entry = kNoEntry;  // objects have none: their members have
    Kind kind = Kind::absent;
    bool escaped = false;
    bool parsed = false;

    [[nodiscard]] std::string_view view() const noexcept { return {text, size}; }
};

/// One payload's fields as the journal keeps them, and those of them that rules mention. Made by
/// JsonWalk, completed with derived fields by the inspector. One per shard, used again for each
/// record. Bound: as many entries as it was made for.
/// Threads: owning shard. Views live until the next clear().
class FieldIndex {
public:
    using Entry = RecordParts::Entry;

    explicit FieldIndex(std::size_t capacity) : entries_(capacity) {}

    void clear(std::size_t known) {
        count_ = 0;
        annex.clear();
        known_.assign(known, Known{});
    }

    [[nodiscard]] bool full() const noexcept { return count_ == entries_.size(); }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    /// The next entry, for the caller to fill in field by field: assigning a whole one that was
    /// just put together would wait for its parts to reach memory. Precondition: not full.
    [[nodiscard]] Entry& next() noexcept { return entries_.data()[count_++]; }
    /// The number of the entry that next() gave last.
    [[nodiscard]] std::uint16_t last() const noexcept {
        return static_cast<std::uint16_t>(count_ - 1);
    }
    [[nodiscard]] Entry& entry(std::size_t i) noexcept { return entries_[i]; }
    /// All entries, for who fills in many and then says how many there are now.
    [[nodiscard]] Entry* room() noexcept { return entries_.data(); }
    void set_count(std::size_t count) noexcept { count_ = count; }
    [[nodiscard]] std::span<const Entry> entries() const noexcept {
        return {entries_.data(), count_};
    }

    [[nodiscard]] Known& known(std::size_t slot) noexcept { return known_.data()[slot]; }
    [[nodiscard]] std::span<Known> known() noexcept { return known_; }

    CharBuffer annex;  // names and texts that the payload does not hold

private:
    std::vector<Entry> entries_;
    std::size_t count_ = 0;
    std::vector<Known> known_;
};

}  // namespace penstock::inspect

#pragma once

#include "inspect/char_buffer.h"
#include "inspect/fault.h"
#include "inspect/field_index.h"
#include "inspect/json_token.h"
#include "inspect/key_set.h"
#include "inspect/name_table.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::inspect {

/// Nesting that a payload may have: the root object is level 1. Fixed, as the JSON of every far
/// side has such a bound.
constexpr std::size_t kMaxDepth = 64;
/// Bytes of a field's name, dotted and decoded.
constexpr std::size_t kMaxNameSize = 1024;

/// Reads a JSON payload once, from the first byte to the last: proves that all of it is well-formed
/// and makes the field index on the way.
///
/// Taken is what RFC 8259 defines, with these limits: the payload is an object; UTF-8 without a
/// byte order mark; no key twice in one object (compared after decoding; the readers behind us
/// would not agree on which of the two counts), nor the same dotted name from a nested and a flat
/// key where a rule mentions it; no lone surrogate in an escape; no number beyond the range of a
/// double (one that is too small for it counts as 0); at most kMaxDepth levels, `max_fields` index
/// entries, KeySet::kMaxMembers members and kMaxNameSize bytes in a name.
///
/// Index: each scalar member of the root and, as `a.b`, of the objects in it; arrays and empty
/// objects as their text. Names are decoded: one that held escapes may contain any character.
///
/// Why not simdjson on demand, which checks what it is asked for, or its DOM: measured in
/// bench/inspect_bench.cpp, this walk is faster than both at checking everything; simdjson checks
/// the UTF-8. Threads: owning shard.
class JsonWalk {
public:
    explicit JsonWalk(std::size_t max_fields) : max_fields_(max_fields) {}

    /// False: `fault` says why, and `index` is not to be used. kPayloadPadding readable bytes must
    /// follow the payload. Precondition: payload.size() < 2 GiB.
    [[nodiscard]] bool run(
        std::string_view payload, const NameTable& known, FieldIndex& index, Fault& fault
    );

private:
    struct Frame {
        std::uint32_t key_offset = 0;  // of the current member, for the pointer; 0: none yet
        std::uint32_t key_size = 0;
        std::uint32_t element = 0;  // of an array: number of the current one
        std::uint32_t start = 0;    // where the bracket stands
        std::uint16_t object = 0;   // number of an object that has members, within the document
        std::uint16_t path_size = 0;
        std::uint16_t entry = Known::kNoEntry;  // of an array that has one
        bool array = false;
        bool indexed = false;  // members become fields
    };

    bool document();
    bool members();
    bool close_brackets();
    bool key();
    bool value();
    bool string_value();
    bool number_value();
    bool literal_value(std::string_view word, FieldType type, Known::Kind kind);
    bool open(bool array);
    bool open_array(Frame& frame);
    bool open_object(Frame& frame);
    bool close();

    [[nodiscard]] bool indexed() const noexcept { return top_->indexed; }
    bool add_scalar(
        const char* text, std::size_t size, FieldType type, Known::Kind kind, bool escaped
    );
    bool add_field(Known found, FieldType type);
    bool add_entry(Known& found, FieldType type, std::string_view& name);
    bool note_known(std::string_view name, const Known& found);
    bool duplicate_key();
    bool name_too_long();

    bool wrong(const char* what);
    bool wrong_at(const char* where, const char* what);
    bool too_many();
    void point();

    [[nodiscard]] std::uint32_t offset(const char* p) const noexcept {
        return static_cast<std::uint32_t>(p - begin_);
    }

    std::size_t max_fields_;
    KeySet keys_;
    CharBuffer decoded_;  // keys that held escapes
    std::array<char, kMaxNameSize + CharBuffer::kSlack> path_{
    };  // `a.b.` of the innermost indexed object
    std::array<Frame, kMaxDepth + 1> frames_{};

    // The document at hand.
    const char* begin_ = nullptr;
    const char* p_ = nullptr;
    const char* end_ = nullptr;
    Frame* top_ = nullptr;
    std::uint16_t objects_ = 0;
    std::string_view key_;  // decoded, of the member at hand
    std::uint64_t key_hash_ = 0;
    bool key_decoded_ = false;
    const NameTable* known_ = nullptr;
    FieldIndex* index_ = nullptr;
    Fault* fault_ = nullptr;
};

}  // namespace penstock::inspect

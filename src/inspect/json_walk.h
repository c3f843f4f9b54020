#pragma once

#include "inspect/char_buffer.h"
#include "inspect/fault.h"
#include "inspect/field_index.h"
#include "inspect/form.h"
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
/// A payload in a form that was seen before is not walked over: see Form. Why not simdjson on
/// demand, which checks what it is asked for, or its DOM: checking all of a document, this walk is
/// about as fast as they are (bench/stages/inspect.cpp), and it finds keys that come twice and
/// makes the index in the same pass. simdjson checks the UTF-8. Threads: owning shard.
class JsonWalk {
public:
    explicit JsonWalk(std::size_t max_fields) : max_fields_(max_fields) {}

    /// False: `fault` says why, and `index` is not to be used. kPayloadPadding readable bytes must
    /// follow the payload. Precondition: payload.size() < 2 GiB.
    /// `forms` learn from payload to payload; there must be one for each `known`.
    [[nodiscard]] bool run(
        std::string_view payload,
        const NameTable& known,
        Forms& forms,
        FieldIndex& index,
        Fault& fault
    );

private:
    struct Frame {
        std::uint32_t key_offset = 0;  // of the current member, for the pointer; 0: none yet
        std::uint32_t key_size = 0;
        std::uint32_t element = 0;  // of an array: number of the current one
        std::uint32_t start = 0;    // where the bracket stands
        std::uint16_t object = 0;   // number of an object that has members; the root is 1
        std::uint16_t path_size = 0;
        std::uint16_t entry = Known::kNoEntry;  // of an array that has one
        bool array = false;
        bool indexed = false;  // members become fields
    };

    // The loop over members and what it does for each: inlined, with the place in the text in a
    // register. All return false after a fault.
    bool document();
    bool members(const char*& place);
    bool close_brackets(const char*& p, Frame*& top);
    bool key(const char*& p, Frame& top);
    bool key_text(const char* text, Frame& top, const char*& close);
    bool value(const char*& p, const Frame& top);
    bool string_value(const char*& p, const Frame& top);
    bool number_value(const char*& p, const Frame& top);
    bool literal_value(
        const char*& p, const Frame& top, std::string_view word, FieldType type, Known::Kind kind
    );
    bool add_scalar(const Frame& top, const Known& found, FieldType type);
    bool keep(std::uint16_t slot, const Known& found, std::uint16_t entry);

    // The rarer things.
    bool decode_key(const char* text, const char* close);
    bool open(const char* p, Frame*& top, bool array);
    bool open_array(const char* p, const Frame& top, Frame& made);
    bool open_object(const char* p, const Frame& top, Frame& made);
    bool close(const char* p, Frame*& top);
    bool add_named(const Frame& top, Known& found, FieldType type, std::string_view& name);
    bool note_nested(std::string_view name, const Known& found);

    bool wrong(const char* where, const char* what);
    bool duplicate_key();
    bool key_too_long();
    bool name_too_long();
    bool too_many();
    bool too_deep();
    void point();

    [[nodiscard]] std::uint32_t offset(const char* p) const noexcept {
        return static_cast<std::uint32_t>(p - begin_);
    }

    std::size_t max_fields_;
    KeySet keys_;
    CharBuffer decoded_;  // keys that held escapes
    // `a.b.` of the innermost object whose members become fields.
    std::array<char, kMaxNameSize + CharBuffer::kSlack> path_{};
    std::array<Frame, kMaxDepth + 1> frames_{};

    // The document at hand.
    const char* begin_ = nullptr;
    const char* end_ = nullptr;
    Frame* top_ = nullptr;  // set when a fault is told
    std::uint16_t objects_ = 0;
    std::string_view key_;  // of the member at hand, decoded
    std::uint64_t key_hash_ = 0;
    std::uint16_t key_slot_ = NameTable::kNone;  // of a key at the root
    std::uint32_t key_place_ = 0;  // its offset, or that in decoded_ with KeySet::kDecoded
    const NameTable* known_ = nullptr;
    FieldIndex* index_ = nullptr;
    Fault* fault_ = nullptr;
};

}  // namespace penstock::inspect

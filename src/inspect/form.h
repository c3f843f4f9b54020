#pragma once

#include "inspect/field_index.h"
#include "inspect/text_marks.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::inspect {

/// All of a payload but for its scalars: `{"a":` 1 `,"b":{"c":` "x" `}}`. A device sends the same
/// form with other scalars each time. A text that is made of the pieces of a well-formed text in
/// their order, with any well-formed scalar between each two, is well-formed as well and has the
/// same names: comparing pieces and checking scalars, which needs no look at what stands before,
/// takes the place of the walk over the grammar, of finding keys twice and of naming the fields.
/// Threads: owning shard.
class Form {
public:
    static constexpr std::size_t kMaxScalars = 512;
    static constexpr std::size_t kMaxText = 8'192;  // of all pieces
    static constexpr std::size_t kMaxPiece = 1'024;

    /// The form of a payload that was proven well-formed and whose index this is. False: it has
    /// none (blanks behind a scalar, escapes, beyond the bounds).
    [[nodiscard]] bool take(std::string_view payload, const TextMarks& marks, FieldIndex& index);

    /// Whether this payload has the form and all its scalars are well-formed: then `index` is
    /// filled. `marks` are those of the payload, whose UTF-8 is not looked at. Nothing is proven by
    /// false.
    [[nodiscard]] bool match(std::string_view payload, const TextMarks& marks, FieldIndex& index)
        const;

private:
    /// A scalar and the piece before it.
    struct Scalar {
        std::uint16_t piece = 0;  // where it starts in pieces_
        std::uint16_t piece_size = 0;
        std::uint16_t end = 0;  // the scalar's end is this one of the marks
        bool field = false;     // it has an entry (the elements of arrays have none)
        std::uint8_t flags = 0;
        std::uint16_t name = 0;  // offset of the field's name, in the piece or in the annex
        std::uint16_t name_size = 0;
        std::uint16_t entry = 0;
    };
    /// A place inside a piece.
    struct Place {
        std::uint16_t piece = 0;  // number; the piece behind the last scalar has the highest
        std::uint16_t offset = 0;
    };
    /// An array or empty object that is a field.
    struct Block {
        Place begin;
        Place end;  // of the last byte
        Place name;
        bool name_in_annex = false;
        std::uint16_t name_size = 0;
        std::uint16_t name_offset = 0;  // in the annex
        std::uint16_t entry = 0;
    };
    /// A name that the rules mention.
    struct Mention {
        std::uint16_t slot = 0;
        std::uint16_t entry = Known::kNoEntry;
        Place begin;                             // of arrays and objects
        Known::Kind kind = Known::Kind::absent;  // the same
    };

    bool cut(std::string_view payload);
    bool add_scalar(std::string_view payload, std::size_t piece, std::size_t begin);
    bool name_entries(std::string_view payload, FieldIndex& index);
    bool name_block(const FieldIndex::Entry& entry, std::uint16_t number);
    [[nodiscard]] bool place(std::size_t offset, Place& place) const;

    [[nodiscard]] bool read_scalars(
        std::string_view payload, const TextMarks& marks, FieldIndex& index
    ) const;
    void read_blocks(const TextMarks& marks, FieldIndex& index) const;
    void read_mentions(std::string_view payload, const TextMarks& marks, FieldIndex& index) const;
    [[nodiscard]] std::uint32_t offset_of(Place place, const TextMarks& marks) const noexcept;

    std::vector<Scalar> scalars_;
    std::vector<Block> blocks_;
    std::vector<Mention> mentions_;
    std::string pieces_;
    std::string annex_;
    std::size_t last_piece_ = 0;  // where the piece behind the last scalar starts
    std::size_t entries_ = 0;
    std::size_t ends_ = 0;    // marks in a payload of this form
    std::size_t quotes_ = 0;  // in the pieces

    // While one is taken.
    std::vector<std::uint32_t> begins_;  // of the pieces, in the payload
    std::vector<std::uint32_t> texts_;   // of the scalars
};

/// The forms that one stream's payloads had lately. Bound: kMax forms, of about 30 KiB at most.
/// Threads: owning shard.
class Forms {
public:
    static constexpr std::size_t kMax = 8;

    /// Whether the payload has one of the forms: then it is well-formed and `index` is filled.
    /// kPayloadPadding readable bytes must follow the payload.
    [[nodiscard]] bool match(std::string_view payload, FieldIndex& index);
    /// A payload that match() did not take was proven well-formed, and has this index.
    void learn(std::string_view payload, FieldIndex& index);

private:
    /// Beyond the first kMax, so many payloads must pass between two that are learned from:
    /// payloads that never come twice in one form shall not pay for it.
    static constexpr unsigned kPatience = 16;

    struct Used {
        Form form;
        std::uint64_t at = 0;
    };

    TextMarks marks_;
    bool marked_ = false;  // marks_ are those of the last payload
    std::vector<Used> forms_;
    std::size_t last_ = 0;  // the form that matched last
    std::uint64_t now_ = 0;
    unsigned missed_ = 0;
};

}  // namespace penstock::inspect

#include "inspect/form.h"

#include "inspect/json_token.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>

namespace penstock::inspect {
namespace {

bool same(const char* a, const char* b, std::size_t size) noexcept {
    for (std::size_t at = 0; at < size; at += kBlock) {
        const std::uint32_t wanted = size - at >= kBlock ? 0xffffU : (1U << (size - at)) - 1;
        if ((equal_bits(a + at, b + at) & wanted) != wanted) return false;
    }
    return true;
}

bool starts_number(char c) noexcept {
    return c == '-' || (c >= '0' && c <= '9');
}

/// Whether all of [text, stop) is one number. What is common is seen in one block: digits, or
/// digits with a point between them.
bool is_number(const char* text, const char* stop, const char* end, FieldType& type) noexcept {
    const auto size = static_cast<std::size_t>(stop - text);
    const std::size_t sign = *text == '-' ? 1 : 0;
    if (size <= kBlock && size > sign) {
        const std::uint32_t others = (~digit_bits(text) & ((1U << size) - 1)) >> sign;
        const std::size_t digits = size - sign;
        const bool leading_zero = text[sign] == '0' && digits > 1 && (others & 2U) == 0;
        if (others == 0 && !leading_zero) {
            type = FieldType::integer;
            return true;
        }
        const auto point = static_cast<std::size_t>(std::countr_zero(others));
        const bool decimal = (others & (others - 1)) == 0 && point > 0 && point + 1 < digits &&
                             text[sign + point] == '.';
        if (decimal && !leading_zero) {
            type = FieldType::number;
            return true;
        }
    }
    const NumberToken token = scan_number(text, end);
    type = token.type;
    return token.error == nullptr && token.end == stop;
}

bool is_word(const char* text, const char* stop, FieldType& type) noexcept {
    const std::string_view word(text, static_cast<std::size_t>(stop - text));
    type = word == "null" ? FieldType::null : FieldType::boolean;
    return word == "null" || word == "true" || word == "false";
}

Known::Kind kind_of(FieldType type) noexcept {
    switch (type) {
        case FieldType::boolean:
            return Known::Kind::boolean;
        case FieldType::integer:
            return Known::Kind::integer;
        case FieldType::number:
            return Known::Kind::number;
        case FieldType::string:
            return Known::Kind::string;
        default:
            return Known::Kind::null;
    }
}

const char* behind_string(const char* quote, const char* end) noexcept {
    return scan_string(quote + 1, end).close + 1;
}

bool blank(char c) noexcept {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/// Behind a scalar that is no string.
const char* behind_token(const char* p, const char* end) noexcept {
    return std::find_if(p, end, [](char c) {
        return blank(c) || c == ',' || c == '}' || c == ']';
    });
}

}  // namespace

// ---- taking -------------------------------------------------------------------------------------

bool Form::take(std::string_view payload, const TextMarks& marks, FieldIndex& index) {
    *this = Form{};
    if (!cut(payload)) return false;
    const std::uint16_t* const ends = marks.ends();
    ends_ = marks.end_count();
    quotes_ = marks.quotes();
    std::size_t number = 0;
    for (std::size_t i = 0; i < scalars_.size(); ++i) {
        const std::uint32_t end = begins_[i + 1];
        while (number < ends_ && ends[number] < end)
            ++number;
        if (number == ends_ || ends[number] != end) return false;
        scalars_[i].end = static_cast<std::uint16_t>(number);
        if (payload[texts_[i]] == '"') quotes_ -= 2;
    }
    if (!name_entries(payload, index)) return false;
    annex_ = index.annex.view();
    pieces_.append(kBlock, '\0');  // read in whole blocks
    begins_ = {};
    texts_ = {};
    return true;
}

/// Pieces and scalars in turn, without their fields.
bool Form::cut(std::string_view payload) {
    const char* const begin = payload.data();
    const char* const end = begin + payload.size();
    std::size_t piece = 0;
    for (const char* p = begin; p < end;) {
        const auto at = static_cast<std::size_t>(p - begin);
        if (*p == '"') {
            const char* const behind = behind_string(p, end);
            const char* const next = skip_blanks(behind, end);
            p = behind;
            if (next < end && *next == ':') continue;  // a key
        } else if (starts_number(*p) || *p == 't' || *p == 'f' || *p == 'n') {
            p = behind_token(p, end);
        } else {
            ++p;
            continue;
        }
        if (!add_scalar(payload, piece, at)) return false;
        piece = static_cast<std::size_t>(p - begin);
    }
    begins_.push_back(static_cast<std::uint32_t>(piece));
    last_piece_ = pieces_.size();
    pieces_.append(payload.substr(piece));
    return !scalars_.empty() && pieces_.size() <= kMaxText && payload.size() - piece <= kMaxPiece;
}

/// The scalar at `begin` and the piece before it.
bool Form::add_scalar(std::string_view payload, std::size_t piece, std::size_t begin) {
    const std::size_t size = begin - piece;
    if (scalars_.size() == kMaxScalars || size > kMaxPiece || pieces_.size() + size > kMaxText)
        return false;
    Scalar made;
    made.piece = static_cast<std::uint16_t>(pieces_.size());
    made.piece_size = static_cast<std::uint16_t>(size);
    scalars_.push_back(made);
    begins_.push_back(static_cast<std::uint32_t>(piece));
    texts_.push_back(static_cast<std::uint32_t>(begin));
    pieces_.append(payload.substr(piece, size));
    return true;
}

bool Form::place(std::size_t offset, Place& place) const {
    const auto behind = std::upper_bound(begins_.begin(), begins_.end(), offset);
    const auto number = static_cast<std::size_t>(behind - begins_.begin()) - 1;
    const std::size_t in_piece = offset - begins_[number];
    const std::size_t size =
        number < scalars_.size() ? scalars_[number].piece_size : pieces_.size() - last_piece_;
    place.piece = static_cast<std::uint16_t>(number);
    place.offset = static_cast<std::uint16_t>(in_piece);
    return in_piece < size;
}

/// Says which scalars and blocks are fields, and which of these the rules mention.
bool Form::name_entries(std::string_view payload, FieldIndex& index) {
    entries_ = index.count();
    for (std::size_t i = 0; i < entries_; ++i) {
        const FieldIndex::Entry& entry = index.entry(i);
        const auto number = static_cast<std::uint16_t>(i);
        if (entry.type == FieldType::json) {
            if (!name_block(entry, number)) return false;
            continue;
        }
        const std::uint32_t text = entry.text_offset - (entry.type == FieldType::string ? 1 : 0);
        const auto found = std::lower_bound(texts_.begin(), texts_.end(), text);
        if (found == texts_.end() || *found != text) return false;
        const auto scalar = static_cast<std::size_t>(found - texts_.begin());
        Scalar& made = scalars_[scalar];
        made.field = true;
        made.entry = number;
        made.flags = entry.flags & static_cast<std::uint8_t>(~RecordParts::kEscaped);
        made.name_size = entry.name_size;
        const bool annex = (entry.flags & RecordParts::kNameInAnnex) != 0;
        made.name = static_cast<std::uint16_t>(entry.name_offset - (annex ? 0 : begins_[scalar]));
    }
    const auto known = index.known();
    for (std::size_t slot = 0; slot < known.size(); ++slot) {
        const Known& found = known[slot];
        if (found.kind == Known::Kind::absent) continue;
        Mention made;
        made.slot = static_cast<std::uint16_t>(slot);
        made.entry = found.entry;
        if (found.kind == Known::Kind::array || found.kind == Known::Kind::object) {
            made.kind = found.kind;
            const auto offset = static_cast<std::size_t>(found.text - payload.data());
            if (!place(offset, made.begin)) return false;
        }
        mentions_.push_back(made);
    }
    return true;
}

bool Form::name_block(const FieldIndex::Entry& entry, std::uint16_t number) {
    Block made;
    made.entry = number;
    made.name_size = entry.name_size;
    made.name_in_annex = (entry.flags & RecordParts::kNameInAnnex) != 0;
    if (made.name_in_annex) {
        made.name_offset = static_cast<std::uint16_t>(entry.name_offset);
    } else if (!place(entry.name_offset, made.name)) {
        return false;
    }
    blocks_.push_back(made);
    Block& block = blocks_.back();
    return place(entry.text_offset, block.begin) &&
           place(entry.text_offset + entry.text_size - std::size_t{1}, block.end);
}

// ---- matching -----------------------------------------------------------------------------------

bool Form::match(std::string_view payload, const TextMarks& marks, FieldIndex& index) const {
    if (marks.end_count() != ends_ || !read_scalars(payload, marks, index)) return false;
    index.set_count(entries_);
    if (!annex_.empty()) index.annex.append(annex_);
    read_blocks(marks, index);
    read_mentions(payload, marks, index);
    return true;
}

bool Form::read_scalars(std::string_view payload, const TextMarks& marks, FieldIndex& index) const {
    const char* const begin = payload.data();
    const char* const end = begin + payload.size();
    const std::uint16_t* const ends = marks.ends();
    FieldIndex::Entry* const entries = index.room();
    std::size_t quotes = quotes_;
    const char* p = begin;
    for (const Scalar& scalar : scalars_) {
        const char* const text = p + scalar.piece_size;
        const char* const stop = begin + ends[scalar.end];
        if (text >= stop || !same(p, pieces_.data() + scalar.piece, scalar.piece_size))
            return false;
        const bool quoted = *text == '"';
        bool escaped = false;
        FieldType type = FieldType::string;
        if (quoted) {
            if (stop - text < 2 || stop[-1] != '"') return false;
            quotes += 2;
            if (marks.escapes()) {
                const StringToken token = scan_string(text + 1, end);
                if (token.error != nullptr || token.close != stop - 1) return false;
                escaped = token.escaped;
            }
        } else if (!(starts_number(*text) ? is_number(text, stop, end, type)
                                          : is_word(text, stop, type))) {
            return false;
        }
        if (scalar.field) {
            const auto piece = static_cast<std::uint32_t>(p - begin);
            const bool annex = (scalar.flags & RecordParts::kNameInAnnex) != 0;
            FieldIndex::Entry& made = entries[scalar.entry];
            made.name_offset = scalar.name + (annex ? 0 : piece);
            made.text_offset = static_cast<std::uint32_t>(text - begin) + (quoted ? 1 : 0);
            made.text_size = static_cast<std::uint32_t>(stop - text) - (quoted ? 2 : 0);
            made.name_size = scalar.name_size;
            made.type = type;
            made.flags = scalar.flags | (escaped ? RecordParts::kEscaped : std::uint8_t{0});
        }
        p = stop;
    }
    const std::size_t rest = pieces_.size() - kBlock - last_piece_;
    return quotes == marks.quotes() && static_cast<std::size_t>(end - p) == rest &&
           same(p, pieces_.data() + last_piece_, rest);
}

std::uint32_t Form::offset_of(Place place, const TextMarks& marks) const noexcept {
    const std::uint32_t piece =
        place.piece == 0 ? 0U : marks.ends()[scalars_[place.piece - std::size_t{1}].end];
    return piece + place.offset;
}

void Form::read_blocks(const TextMarks& marks, FieldIndex& index) const {
    for (const Block& block : blocks_) {
        FieldIndex::Entry& made = index.entry(block.entry);
        made.name_offset = block.name_in_annex ? block.name_offset : offset_of(block.name, marks);
        made.text_offset = offset_of(block.begin, marks);
        made.text_size = offset_of(block.end, marks) + 1 - made.text_offset;
        made.name_size = block.name_size;
        made.type = FieldType::json;
        made.flags = block.name_in_annex ? RecordParts::kNameInAnnex : std::uint8_t{0};
    }
}

void Form::read_mentions(std::string_view payload, const TextMarks& marks, FieldIndex& index)
    const {
    for (const Mention& mention : mentions_) {
        Known& known = index.known(mention.slot);
        known.entry = mention.entry;
        if (mention.kind != Known::Kind::absent) {
            known.kind = mention.kind;
            known.text = payload.data() + offset_of(mention.begin, marks);
            continue;
        }
        const FieldIndex::Entry& entry = index.entry(mention.entry);
        known.kind = kind_of(entry.type);
        known.text = payload.data() + entry.text_offset;
        known.size = entry.text_size;
        known.escaped = (entry.flags & RecordParts::kEscaped) != 0;
    }
}

// ---- the forms of a stream ----------------------------------------------------------------------

bool Forms::match(std::string_view payload, FieldIndex& index) {
    marked_ = marks_.find(payload);
    if (!marked_) return false;
    ++now_;
    for (std::size_t tried = 0; tried < forms_.size(); ++tried) {
        // The last one first, then those before and behind it.
        const std::size_t i = tried == 0 ? last_ : (tried <= last_ ? tried - 1 : tried);
        if (!forms_[i].form.match(payload, marks_, index)) continue;
        last_ = i;
        forms_[i].at = now_;
        return marks_.ascii() || simdjson::validate_utf8(payload.data(), payload.size());
    }
    return false;
}

void Forms::learn(std::string_view payload, FieldIndex& index) {
    if (!marked_) return;
    if (forms_.size() == kMax && ++missed_ < kPatience) return;
    missed_ = 0;
    Form form;
    if (!form.take(payload, marks_, index)) return;
    if (forms_.size() < kMax) {
        forms_.push_back({std::move(form), now_});
        last_ = forms_.size() - 1;
        return;
    }
    const auto oldest = std::ranges::min_element(forms_, {}, &Used::at);
    *oldest = {std::move(form), now_};
    last_ = static_cast<std::size_t>(oldest - forms_.begin());
}

}  // namespace penstock::inspect

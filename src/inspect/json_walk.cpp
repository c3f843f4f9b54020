#include "inspect/json_walk.h"

#include <simdjson.h>

#include <cstring>

namespace penstock::inspect {
namespace {

bool all_ascii(std::string_view text) noexcept {
#if defined(__SSE2__)
    // The padding behind the text is not looked at: the tail is read as one block that ends with
    // the text.
    const char* p = text.data();
    const char* const end = p + text.size();
    __m128i seen = _mm_setzero_si128();
    for (; end - p >= 16; p += 16)
        seen = _mm_or_si128(seen, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    unsigned char rest = 0;
    for (; p < end; ++p)
        rest = static_cast<unsigned char>(rest | static_cast<unsigned char>(*p));
    return _mm_movemask_epi8(seen) == 0 && rest < 0x80;
#else
    unsigned char seen = 0;
    for (const char c : text)
        seen = static_cast<unsigned char>(seen | static_cast<unsigned char>(c));
    return seen < 0x80;
#endif
}

bool valid_utf8_text(std::string_view text) noexcept {
    return all_ascii(text) || simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace

bool JsonWalk::run(
    std::string_view payload, const NameTable& known, FieldIndex& index, Fault& fault
) {
    begin_ = payload.data();
    p_ = begin_;
    end_ = begin_ + payload.size();
    top_ = frames_.data();
    *top_ = Frame{};
    objects_ = 0;
    known_ = &known;
    index_ = &index;
    fault_ = &fault;
    decoded_.clear();
    keys_.clear();
    index.clear(known.size());
    if (!valid_utf8_text(payload)) return wrong("text that is not UTF-8");
    return document();
}

bool JsonWalk::document() {
    p_ = skip_blanks(p_, end_);
    if (p_ == end_) return wrong("nothing but blanks");
    if (*p_ != '{') return wrong("something other than a JSON object");
    if (!open(false) || !members()) return false;
    p_ = skip_blanks(p_, end_);
    return p_ == end_ || wrong("more text behind the end of the object");
}

bool JsonWalk::members() {
    bool opened = true;  // just behind an opening bracket
    while (true) {
        p_ = skip_blanks(p_, end_);
        const char close = top_->array ? ']' : '}';
        const bool empty = opened && p_ < end_ && *p_ == close;
        if (!empty) {
            if (top_->array) {
                ++top_->element;
            } else if (!key()) {
                return false;
            }
            if (p_ >= end_) return wrong("the end of the text in place of a value");
            opened = *p_ == '{' || *p_ == '[';
            if (!(opened ? open(*p_ == '[') : value())) return false;
            if (opened) continue;
        }
        opened = false;
        if (!close_brackets()) return false;
        if (top_ == frames_.data()) return true;
    }
}

/// Behind a value: closes what ends here and goes behind the comma, if the outermost bracket is
/// still open.
bool JsonWalk::close_brackets() {
    while (true) {
        p_ = skip_blanks(p_, end_);
        if (p_ >= end_) return wrong("the end of the text before the last bracket is closed");
        if (*p_ == ',') {
            ++p_;
            return true;
        }
        if (*p_ != (top_->array ? ']' : '}')) {
            return wrong(
                top_->array ? "no ',' or ']' behind a value" : "no ',' or '}' behind a value"
            );
        }
        ++p_;
        if (!close()) return false;
        if (top_ == frames_.data()) return true;
    }
}

bool JsonWalk::key() {
    if (p_ >= end_ || *p_ != '"') return wrong("no quoted key where one must stand");
    const char* const text = p_ + 1;
    const StringToken token = scan_string(text, end_);
    if (token.error != nullptr) return wrong_at(token.close, token.error);
    if (token.close >= end_) return wrong("a key without its closing quote");
    if (top_->key_offset == 0) top_->object = ++objects_;
    top_->key_offset = offset(text);
    top_->key_size = static_cast<std::uint32_t>(token.close - text);
    key_ = {text, top_->key_size};
    key_decoded_ = token.escaped;
    std::uint32_t place = top_->key_offset;
    if (token.escaped) {
        place = static_cast<std::uint32_t>(decoded_.size());
        append_decoded(key_, decoded_);
        key_ = decoded_.view(place, decoded_.size() - place);
        place |= KeySet::kDecoded;
    }
    if (key_.size() > kMaxNameSize) {
        fault_->begin(Refusal::too_large);
        fault_->say("a key is longer than 1024 bytes");
        return false;
    }
    key_hash_ = hash_name(key_, known_->seed());
    const KeySet::Key entry{place, static_cast<std::uint16_t>(key_.size()), top_->object};
    const KeySet::Added added = keys_.add(key_hash_, entry, begin_, decoded_.view().data());
    if (added == KeySet::Added::duplicate) return duplicate_key();
    if (added == KeySet::Added::full) return too_many();
    p_ = skip_blanks(token.close + 1, end_);
    if (p_ >= end_ || *p_ != ':') return wrong("no ':' behind a key");
    p_ = skip_blanks(p_ + 1, end_);
    return true;
}

bool JsonWalk::value() {
    switch (*p_) {
        case '"':
            return string_value();
        case 't':
            return literal_value("true", FieldType::boolean, Known::Kind::boolean);
        case 'f':
            return literal_value("false", FieldType::boolean, Known::Kind::boolean);
        case 'n':
            return literal_value("null", FieldType::null, Known::Kind::null);
        default:
            break;
    }
    if (*p_ == '-' || (*p_ >= '0' && *p_ <= '9')) return number_value();
    return wrong("something that is no value");
}

bool JsonWalk::string_value() {
    const char* const text = p_ + 1;
    const StringToken token = scan_string(text, end_);
    if (token.error != nullptr) return wrong_at(token.close, token.error);
    if (token.close >= end_) return wrong("a string without its closing quote");
    p_ = token.close + 1;
    const auto size = static_cast<std::size_t>(token.close - text);
    return add_scalar(text, size, FieldType::string, Known::Kind::string, token.escaped);
}

bool JsonWalk::number_value() {
    const char* const text = p_;
    const NumberToken token = scan_number(text, end_);
    if (token.error != nullptr) return wrong_at(token.end, token.error);
    p_ = token.end;
    const auto kind = token.type == FieldType::integer ? Known::Kind::integer : Known::Kind::number;
    return add_scalar(text, static_cast<std::size_t>(p_ - text), token.type, kind, false);
}

bool JsonWalk::literal_value(std::string_view word, FieldType type, Known::Kind kind) {
    const char* const text = p_;
    if (static_cast<std::size_t>(end_ - p_) < word.size())
        return wrong("something that is no value");
    if (std::memcmp(p_, word.data(), word.size()) != 0) return wrong("something that is no value");
    p_ += word.size();
    return add_scalar(text, word.size(), type, kind, false);
}

bool JsonWalk::add_scalar(
    const char* text, std::size_t size, FieldType type, Known::Kind kind, bool escaped
) {
    if (!indexed()) return true;
    Known found;
    found.text = text;
    found.size = static_cast<std::uint32_t>(size);
    found.kind = kind;
    found.escaped = escaped;
    return add_field(found, type);
}

/// Adds the member at hand to the index and to what the rules know.
bool JsonWalk::add_field(Known found, FieldType type) {
    std::string_view name;
    return add_entry(found, type, name) && note_known(name, found);
}

bool JsonWalk::add_entry(Known& found, FieldType type, std::string_view& name) {
    if (index_->count() >= max_fields_) return too_many();
    FieldIndex::Entry made;
    made.text_offset = offset(found.text);
    made.text_size = found.size;
    made.type = type;
    made.flags = found.escaped ? RecordParts::kEscaped : std::uint8_t{0};
    made.name_size = static_cast<std::uint16_t>(key_.size() + top_->path_size);
    made.name_offset = top_->key_offset;
    name = key_;
    if (top_->path_size != 0 || key_decoded_) {
        if (made.name_size > kMaxNameSize) return name_too_long();
        made.flags |= RecordParts::kNameInAnnex;
        made.name_offset = static_cast<std::uint32_t>(index_->annex.size());
        index_->annex.append({path_.data(), top_->path_size});
        index_->annex.append(key_);
        name = index_->annex.view(made.name_offset, made.name_size);
    }
    found.entry = index_->add(made);
    return true;
}

/// Keeps the member at hand for the rules, if they mention its name.
bool JsonWalk::note_known(std::string_view name, const Known& found) {
    const bool nested = top_->path_size != 0;
    if (nested && !known_->nested()) return true;
    const std::uint64_t hash = nested ? hash_name(name, known_->seed()) : key_hash_;
    const std::uint16_t slot = known_->find(hash, name);
    if (slot == NameTable::kNone) return true;
    Known& known = index_->known(slot);
    if (known.kind != Known::Kind::absent) return duplicate_key();
    known = found;
    return true;
}

bool JsonWalk::open(bool array) {
    if (top_ == frames_.data() + kMaxDepth) {
        fault_->begin(Refusal::too_deep);
        fault_->say("values are nested more than 64 levels deep");
        point();
        return false;
    }
    Frame frame;
    frame.array = array;
    frame.start = offset(p_);
    if (top_ == frames_.data()) {
        frame.indexed = true;
    } else if (indexed() && !(array ? open_array(frame) : open_object(frame))) {
        return false;
    }
    ++p_;
    *++top_ = frame;
    return true;
}

bool JsonWalk::open_array(Frame& frame) {
    Known found;
    found.text = p_;
    found.kind = Known::Kind::array;
    std::string_view name;
    if (!add_entry(found, FieldType::json, name)) return false;
    frame.entry = found.entry;
    return note_known(name, found);
}

/// The names of the object's members will begin with its own.
bool JsonWalk::open_object(Frame& frame) {
    const std::size_t size = top_->path_size + key_.size();
    if (size + 1 > kMaxNameSize) return name_too_long();
    std::memcpy(path_.data() + top_->path_size, key_.data(), key_.size());
    path_[size] = '.';
    frame.path_size = static_cast<std::uint16_t>(size + 1);
    frame.indexed = true;
    Known found;
    found.text = p_;
    found.kind = Known::Kind::object;
    return note_known({path_.data(), size}, found);
}

bool JsonWalk::close() {
    const Frame& closed = *top_--;
    if (closed.entry != Known::kNoEntry)
        index_->entry(closed.entry).text_size = offset(p_) - closed.start;
    const bool empty_member = closed.path_size != 0 && closed.key_offset == 0;
    if (!empty_member) return true;
    Known found;
    found.text = begin_ + closed.start;
    found.size = offset(p_) - closed.start;
    std::string_view name;
    return add_entry(found, FieldType::json, name);
}

bool JsonWalk::name_too_long() {
    fault_->begin(Refusal::too_large);
    fault_->say("a field's dotted name is longer than 1024 bytes");
    point();
    return false;
}

bool JsonWalk::duplicate_key() {
    fault_->begin(Refusal::invalid_json);
    fault_->say("the key ");
    fault_->quote(key_);
    fault_->say(" stands twice in an object");
    point();
    return false;
}

bool JsonWalk::too_many() {
    fault_->begin(Refusal::too_deep);
    fault_->say("the payload has too many fields (at most ");
    fault_->say_number(std::uint64_t{max_fields_});
    fault_->say(")");
    return false;
}

bool JsonWalk::wrong(const char* what) {
    return wrong_at(p_, what);
}

bool JsonWalk::wrong_at(const char* where, const char* what) {
    fault_->begin(Refusal::invalid_json);
    fault_->say(what);
    fault_->say(" at byte ");
    fault_->say_number(std::uint64_t{offset(where < end_ ? where : end_)});
    point();
    return false;
}

/// The pointer to the value at hand: the current member of every open bracket.
void JsonWalk::point() {
    for (const Frame* frame = frames_.data() + 1; frame <= top_; ++frame) {
        if (frame->array) {
            if (frame->element > 0) fault_->point_to_element(frame->element - 1);
        } else if (frame->key_offset != 0) {
            fault_->point_to_member({begin_ + frame->key_offset, frame->key_size});
        }
    }
}

}  // namespace penstock::inspect

#include "inspect/json_walk.h"

#include <simdjson.h>

#include <cstring>
#include <string_view>

namespace penstock::inspect {
// What the loop over members is made of is inlined into it: a call for each token would cost more
// than the token.
#define PS_INLINE [[gnu::always_inline]] inline
#define PS_APART [[gnu::noinline]]

bool JsonWalk::run(
    std::string_view payload, const NameTable& known, Forms& forms, FieldIndex& index, Fault& fault
) {
    index.clear(known.size());
    if (forms.match(payload, index)) return true;
    begin_ = payload.data();
    end_ = begin_ + payload.size();
    top_ = frames_.data();
    *top_ = Frame{};
    objects_ = 1;  // the root
    known_ = &known;
    index_ = &index;
    fault_ = &fault;
    decoded_.clear();
    keys_.clear();
    if (!simdjson::validate_utf8(payload.data(), payload.size()))
        return wrong(begin_, "text that is not UTF-8");
    if (!document()) return false;
    forms.learn(payload, index);
    return true;
}

bool JsonWalk::document() {
    const char* p = skip_blanks(begin_, end_);
    if (p == end_) return wrong(p, "nothing but blanks");
    if (*p != '{') return wrong(p, "something other than a JSON object");
    if (!members(p)) return false;
    p = skip_blanks(p, end_);
    if (p != end_) return wrong(p, "more text behind the end of the object");
    return true;
}

PS_INLINE bool JsonWalk::keep(std::uint16_t slot, const Known& found, std::uint16_t entry) {
    Known& known = index_->known(slot);
    if (known.kind != Known::Kind::absent) return duplicate_key();
    known.text = found.text;
    known.size = found.size;
    known.entry = entry;
    known.kind = found.kind;
    known.escaped = found.escaped;
    return true;
}

PS_INLINE bool JsonWalk::add_scalar(const Frame& top, const Known& found, FieldType type) {
    if (!top.indexed) return true;
    if (top.path_size != 0 || (key_place_ & KeySet::kDecoded) != 0) {
        std::string_view name;
        Known named = found;
        return add_named(top, named, type, name) && note_nested(name, named);
    }
    if (index_->count() >= max_fields_) return too_many();
    FieldIndex::Entry& made = index_->next();
    made.name_offset = key_place_;
    made.text_offset = offset(found.text);
    made.text_size = found.size;
    made.name_size = static_cast<std::uint16_t>(key_.size());
    made.type = type;
    made.flags = found.escaped ? RecordParts::kEscaped : std::uint8_t{0};
    return key_slot_ == NameTable::kNone || keep(key_slot_, found, index_->last());
}

PS_INLINE bool JsonWalk::string_value(const char*& p, const Frame& top) {
    Known found;
    found.text = p + 1;
    const StringToken token = scan_string(found.text, end_);
    if (token.error != nullptr) return wrong(token.close, token.error);
    if (token.close >= end_) return wrong(p, "a string without its closing quote");
    p = token.close + 1;
    found.size = static_cast<std::uint32_t>(token.close - found.text);
    found.kind = Known::Kind::string;
    found.escaped = token.escaped;
    return add_scalar(top, found, FieldType::string);
}

PS_INLINE bool JsonWalk::number_value(const char*& p, const Frame& top) {
    const NumberToken token = scan_number(p, end_);
    if (token.error != nullptr) return wrong(token.end, token.error);
    Known found;
    found.text = p;
    found.size = static_cast<std::uint32_t>(token.end - p);
    found.kind = token.type == FieldType::integer ? Known::Kind::integer : Known::Kind::number;
    p = token.end;
    return add_scalar(top, found, token.type);
}

PS_INLINE bool JsonWalk::literal_value(
    const char*& p, const Frame& top, std::string_view word, FieldType type, Known::Kind kind
) {
    const bool fits = static_cast<std::size_t>(end_ - p) >= word.size();
    if (!fits || std::memcmp(p, word.data(), word.size()) != 0)
        return wrong(p, "something that is no value");
    Known found;
    found.text = p;
    found.size = static_cast<std::uint32_t>(word.size());
    found.kind = kind;
    p += word.size();
    return add_scalar(top, found, type);
}

PS_INLINE bool JsonWalk::value(const char*& p, const Frame& top) {
    if (*p == '-' || (*p >= '0' && *p <= '9')) return number_value(p, top);
    switch (*p) {
        case '"':
            return string_value(p, top);
        case 't':
            return literal_value(p, top, "true", FieldType::boolean, Known::Kind::boolean);
        case 'f':
            return literal_value(p, top, "false", FieldType::boolean, Known::Kind::boolean);
        case 'n':
            return literal_value(p, top, "null", FieldType::null, Known::Kind::null);
        default:
            return wrong(p, "something that is no value");
    }
}

/// Any key: looks for its end, hashes it and makes sure that it is the first of its name.
PS_INLINE bool JsonWalk::key_text(const char* text, Frame& top, const char*& close) {
    const StringToken token = scan_string(text, end_);
    if (token.error != nullptr) return wrong(token.close, token.error);
    if (token.close >= end_) return wrong(text, "a key without its closing quote");
    close = token.close;
    if (top.object == 0) top.object = ++objects_;
    top.key_offset = offset(text);
    top.key_size = static_cast<std::uint32_t>(close - text);
    key_ = {text, top.key_size};
    key_place_ = top.key_offset;
    if (token.escaped && !decode_key(text, close)) return false;
    if (key_.size() > kMaxNameSize) return key_too_long();
    key_hash_ = hash_name(key_, known_->seed());
    if (top.path_size == 0 && top.indexed) key_slot_ = known_->find(key_hash_, key_);
    const KeySet::Key key{key_place_, static_cast<std::uint16_t>(key_.size()), top.object};
    const KeySet::Added added = keys_.add(key_hash_, key, begin_, decoded_.view().data());
    if (added == KeySet::Added::fresh) return true;
    return added == KeySet::Added::full ? too_many() : duplicate_key();
}

PS_INLINE bool JsonWalk::key(const char*& p, Frame& top) {
    if (p >= end_ || *p != '"') return wrong(p, "no quoted key where one must stand");
    const char* const text = p + 1;
    const char* close = nullptr;
    if (!key_text(text, top, close)) return false;
    p = skip_blanks(close + 1, end_);
    if (p >= end_ || *p != ':') return wrong(p, "no ':' behind a key");
    p = skip_blanks(p + 1, end_);
    return true;
}

/// Behind a value: closes what ends here and goes behind the comma, if the outermost bracket is
/// still open.
PS_INLINE bool JsonWalk::close_brackets(const char*& p, Frame*& top) {
    while (true) {
        p = skip_blanks(p, end_);
        if (p >= end_) return wrong(p, "the end of the text before the last bracket is closed");
        if (*p == ',') {
            ++p;
            return true;
        }
        if (*p != (top->array ? ']' : '}')) {
            return wrong(
                p, top->array ? "no ',' or ']' behind a value" : "no ',' or '}' behind a value"
            );
        }
        ++p;
        if (!close(p, top)) return false;
        if (top == frames_.data()) return true;
    }
}

bool JsonWalk::members(const char*& place) {
    const char* p = place;
    Frame* top = frames_.data();
    // A fault may be told at any step: the pointer is made from top_ then.
    if (!open(p, top, false)) return false;
    ++p;
    bool opened = true;  // just behind an opening bracket
    while (true) {
        top_ = top;
        p = skip_blanks(p, end_);
        const bool empty = opened && p < end_ && *p == (top->array ? ']' : '}');
        if (!empty) {
            if (top->array) {
                ++top->element;
            } else if (!key(p, *top)) {
                return false;
            }
            if (p >= end_) return wrong(p, "the end of the text in place of a value");
            opened = *p == '{' || *p == '[';
            if (opened) {
                if (!open(p, top, *p == '[')) return false;
                ++p;
                continue;
            }
            if (!value(p, *top)) return false;
        }
        opened = false;
        if (!close_brackets(p, top)) return false;
        if (top == frames_.data()) break;
    }
    place = p;
    return true;
}

PS_APART bool JsonWalk::decode_key(const char* text, const char* close) {
    const std::size_t begin = decoded_.size();
    append_decoded({text, static_cast<std::size_t>(close - text)}, decoded_);
    key_ = decoded_.view(begin, decoded_.size() - begin);
    key_place_ = static_cast<std::uint32_t>(begin) | KeySet::kDecoded;
    return true;
}

/// Adds the member at hand to the index under a name that has to be put together.
PS_APART bool JsonWalk::add_named(
    const Frame& top, Known& found, FieldType type, std::string_view& name
) {
    if (index_->count() >= max_fields_) return too_many();
    const std::size_t size = key_.size() + top.path_size;
    if (size > kMaxNameSize) return name_too_long();
    FieldIndex::Entry& made = index_->next();
    made.text_offset = offset(found.text);
    made.text_size = found.size;
    made.type = type;
    made.flags = found.escaped ? RecordParts::kEscaped : std::uint8_t{0};
    made.name_size = static_cast<std::uint16_t>(size);
    made.name_offset = key_place_;
    name = key_;
    if (top.path_size != 0 || (key_place_ & KeySet::kDecoded) != 0) {
        made.flags |= RecordParts::kNameInAnnex;
        made.name_offset = static_cast<std::uint32_t>(index_->annex.size());
        index_->annex.append({path_.data(), top.path_size});
        index_->annex.append(key_);
        name = index_->annex.view(made.name_offset, size);
    }
    found.entry = index_->last();
    return true;
}

/// Keeps the member at hand for the rules, if they mention its name.
PS_APART bool JsonWalk::note_nested(std::string_view name, const Known& found) {
    const bool flat = name.size() == key_.size();
    if (!flat && !known_->nested()) return true;
    const std::uint64_t hash = flat ? key_hash_ : hash_name(name, known_->seed());
    const std::uint16_t slot = known_->find(hash, name);
    return slot == NameTable::kNone || keep(slot, found, found.entry);
}

PS_APART bool JsonWalk::open(const char* p, Frame*& top, bool array) {
    if (top == frames_.data() + kMaxDepth) return too_deep();
    Frame made;
    made.array = array;
    made.start = offset(p);
    if (top == frames_.data()) {
        made.indexed = true;
        made.object = 1;
    } else if (top->indexed && !(array ? open_array(p, *top, made) : open_object(p, *top, made))) {
        return false;
    }
    *++top = made;
    return true;
}

bool JsonWalk::open_array(const char* p, const Frame& top, Frame& made) {
    Known found;
    found.text = p;
    found.kind = Known::Kind::array;
    std::string_view name;
    if (!add_named(top, found, FieldType::json, name)) return false;
    made.entry = found.entry;
    return note_nested(name, found);
}

/// The names of the object's members will begin with its own.
bool JsonWalk::open_object(const char* p, const Frame& top, Frame& made) {
    const std::size_t size = top.path_size + key_.size();
    if (size + 1 > kMaxNameSize) return name_too_long();
    std::memcpy(path_.data() + top.path_size, key_.data(), key_.size());
    path_[size] = '.';
    made.path_size = static_cast<std::uint16_t>(size + 1);
    made.indexed = true;
    Known found;
    found.text = p;
    found.kind = Known::Kind::object;
    return note_nested({path_.data(), size}, found);
}

PS_APART bool JsonWalk::close(const char* p, Frame*& top) {
    const Frame& closed = *top--;
    if (closed.entry != Known::kNoEntry)
        index_->entry(closed.entry).text_size = offset(p) - closed.start;
    const bool empty_member = closed.path_size != 0 && closed.key_offset == 0;
    if (!empty_member) return true;
    Known found;
    found.text = begin_ + closed.start;
    found.size = offset(p) - closed.start;
    std::string_view name;
    return add_named(*top, found, FieldType::json, name);
}

PS_APART bool JsonWalk::key_too_long() {
    fault_->begin(Refusal::too_large);
    fault_->say("a key is longer than 1024 bytes");
    return false;
}

PS_APART bool JsonWalk::name_too_long() {
    fault_->begin(Refusal::too_large);
    fault_->say("a field's dotted name is longer than 1024 bytes");
    point();
    return false;
}

PS_APART bool JsonWalk::duplicate_key() {
    fault_->begin(Refusal::invalid_json);
    fault_->say("the key ");
    fault_->quote(key_);
    fault_->say(" stands twice in an object");
    point();
    return false;
}

PS_APART bool JsonWalk::too_many() {
    fault_->begin(Refusal::too_deep);
    fault_->say("the payload has too many fields (at most ");
    fault_->say_number(std::uint64_t{max_fields_});
    fault_->say(")");
    return false;
}

PS_APART bool JsonWalk::too_deep() {
    fault_->begin(Refusal::too_deep);
    fault_->say("values are nested more than 64 levels deep");
    point();
    return false;
}

PS_APART bool JsonWalk::wrong(const char* where, const char* what) {
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

#undef PS_INLINE
#undef PS_APART

}  // namespace penstock::inspect

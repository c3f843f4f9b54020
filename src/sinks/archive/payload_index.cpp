#include "sinks/archive/payload_index.h"

#include "base/text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace penstock::sinks {

namespace {

constexpr int kDepthMax = 64;
constexpr std::size_t kEntriesMax = 65'535;

bool blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Walks over JSON that is known to be well-formed.
class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    /// The next byte that is no blank.
    char peek() {
        while (at_ < text_.size() && blank(text_[at_]))
            ++at_;
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    void pass() { ++at_; }
    std::string_view value() {
        peek();
        const std::size_t begin = at_;
        int open = 0;
        do {
            const char c = peek();
            if (c == '"') {
                string();
            } else if (c == '{' || c == '[') {
                ++open;
                pass();
            } else if (c == '}' || c == ']') {
                --open;
                pass();
            } else if (c == ',' || c == ':') {
                pass();
            } else {
                token();
            }
        } while (open > 0 && at_ < text_.size());
        return text_.substr(begin, at_ - begin);
    }

private:
    void string() {
        for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_)
            at_ += text_[at_] == '\\' ? 1U : 0U;
        ++at_;
    }
    void token() {
        while (at_ < text_.size() && !blank(text_[at_]) &&
               std::string_view(",:]}").find(text_[at_]) == std::string_view::npos)
            ++at_;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

std::string_view inner(std::string_view quoted) {
    return quoted.substr(1, quoted.size() - 2);
}

FieldType type_of(std::string_view value) {
    switch (value.front()) {
        case '"':
            return FieldType::string;
        case '{':
        case '[':
            return FieldType::json;
        case 't':
        case 'f':
            return FieldType::boolean;
        case 'n':
            return FieldType::null;
        default:
            return text::parse_int(value) ? FieldType::integer : FieldType::number;
    }
}

/// Type and flags of a value, and the text that stands for it.
std::string_view describe(std::string_view value, RecordParts::Entry& entry) {
    entry.type = type_of(value);
    if (entry.type != FieldType::string) return value;
    const std::string_view text = inner(value);
    if (text.find('\\') != std::string_view::npos) entry.flags |= RecordParts::kEscaped;
    return text;
}

}  // namespace

std::vector<JsonMember> json_members(std::string_view object) {
    std::vector<JsonMember> members;
    Scanner scanner(object);
    if (scanner.peek() != '{') return members;
    scanner.pass();
    while (scanner.peek() == '"') {
        JsonMember member;
        member.key = inner(scanner.value());
        scanner.peek();
        scanner.pass();  // the colon
        member.value = scanner.value();
        members.push_back(member);
        if (scanner.peek() != ',') break;
        scanner.pass();
    }
    return members;
}

std::string json_unescaped(std::string_view between_quotes) {
    std::string out;
    append_unescaped(
        Field{.name = {}, .text = between_quotes, .type = FieldType::string, .escaped = true}, out
    );
    return out;
}

void PayloadIndex::name(RecordParts::Entry& entry, std::string_view name) {
    entry.name_offset = static_cast<std::uint32_t>(annex.size());
    entry.name_size = static_cast<std::uint16_t>(name.size());
    entry.flags |= RecordParts::kNameInAnnex;
    annex += name;
}

void PayloadIndex::add_members(
    std::string_view payload, std::string_view object, const std::string& path, int depth
) {
    for (const JsonMember& member : json_members(object)) {
        const bool nested = member.value.front() == '{' && !json_members(member.value).empty();
        const bool escaped = member.key.find('\\') != std::string_view::npos;
        const std::string key =
            path + (escaped ? json_unescaped(member.key) : std::string(member.key));
        if (nested && depth < kDepthMax) {
            add_members(payload, member.value, key + '.', depth + 1);
            continue;
        }
        if (entries.size() == kEntriesMax || key.size() > kEntriesMax) continue;
        RecordParts::Entry entry;
        const std::string_view text = describe(member.value, entry);
        entry.text_offset = static_cast<std::uint32_t>(text.data() - payload.data());
        entry.text_size = static_cast<std::uint32_t>(text.size());
        if (path.empty() && !escaped) {
            entry.name_offset = static_cast<std::uint32_t>(member.key.data() - payload.data());
            entry.name_size = static_cast<std::uint16_t>(member.key.size());
        } else {
            name(entry, key);
        }
        entries.push_back(entry);
    }
}

void PayloadIndex::add_payload(std::string_view payload) {
    add_members(payload, payload, {}, 1);
}

void PayloadIndex::add_derived(std::string_view field, std::string_view value) {
    if (entries.size() == kEntriesMax || field.size() > kEntriesMax) return;
    RecordParts::Entry entry;
    entry.flags = RecordParts::kDerived | RecordParts::kTextInAnnex;
    name(entry, field);
    const std::string_view text = describe(value, entry);
    entry.text_offset = static_cast<std::uint32_t>(annex.size());
    entry.text_size = static_cast<std::uint32_t>(text.size());
    annex += text;
    entries.push_back(entry);
}

}  // namespace penstock::sinks

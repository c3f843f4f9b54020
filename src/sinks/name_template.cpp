#include "sinks/name_template.h"

#include "base/text.h"
#include "penstock/ids.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

namespace penstock::sinks {
namespace {

bool plain(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool control(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

void make_lower(std::string& text, std::size_t from) noexcept {
    for (char& c : std::span(text).subspan(from)) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
}

/// Keeps names that are too long apart.
void cut_with_hash(std::string& name, std::size_t size_max) {
    constexpr std::size_t kHash = 17;
    const std::uint64_t hash = device_hash(name);
    name.resize(size_max - kHash);
    name += '_';
    for (int shift = 60; shift >= 0; shift -= 4)
        name += "0123456789abcdef"[(hash >> shift) & 0xFU];
}

Error wrong(std::string message) {
    return {Errc::invalid_argument, std::move(message)};
}

}  // namespace

std::string_view NameTemplate::text_of(Source source, const RecordView& record) {
    switch (source) {
        case Source::device:
            return record.device();
        case Source::client:
            return record.client();
        case Source::stream:
            return record.stream();
        case Source::status:
            return record.status();
        case Source::topic:
            return record.topic();
    }
    return {};
}

Result<NameTemplate> NameTemplate::parse(std::string_view pattern, const NameRules& rules) {
    struct Word {
        std::string_view text;
        Source source;
        bool device;
    };
    static constexpr std::array<Word, 5> kWords{{
        {"{device}", Source::device, true},
        {"{client}", Source::client, true},
        {"{stream}", Source::stream, false},
        {"{status}", Source::status, false},
        {"{topic}", Source::topic, true},
    }};
    NameTemplate made;
    made.rules_ = rules;
    std::string* literal = &made.before_;
    std::size_t literal_size = 0;
    while (!pattern.empty()) {
        const char c = pattern.front();
        if (c != '{') {
            const bool bad =
                control(c) || c == '}' || rules.forbidden.find(c) != std::string_view::npos;
            if (bad) return wrong("must not hold '" + std::string(1, control(c) ? '?' : c) + "'");
            *literal += c;
            ++literal_size;
            pattern.remove_prefix(1);
            continue;
        }
        const auto* const word = std::find_if(kWords.begin(), kWords.end(), [&](const Word& w) {
            return pattern.starts_with(w.text) && (rules.device_text || !w.device);
        });
        if (word == kWords.end()) {
            return wrong(
                rules.device_text
                    ? "may hold {device}, {client}, {stream}, {status} and {topic} only"
                    : "may hold {stream} and {status} only: a device must not choose this name"
            );
        }
        made.parts_.push_back({word->source, {}});
        literal = &made.parts_.back().behind;
        pattern.remove_prefix(word->text.size());
    }
    if (made.before_.empty() && made.parts_.empty()) return wrong("must not be empty");
    if (rules.literal_prefix && made.before_.empty()) {
        return wrong("must begin with a literal text before the first {...}");
    }
    if (literal_size > rules.size_max) {
        return wrong("must have at most " + std::to_string(rules.size_max) + " characters");
    }
    return made;
}

void NameTemplate::append_escaped(std::string_view text, std::string& out) const {
    const std::size_t begin = out.size();
    switch (rules_.escape) {
        case NameRules::Escape::none:
            out += text;
            return;
        case NameRules::Escape::underscore:
        case NameRules::Escape::lower:
            out += text;
            std::replace_if(
                out.begin() + static_cast<std::ptrdiff_t>(begin),
                out.end(),
                [](char c) { return !plain(c); },
                '_'
            );
            if (rules_.escape == NameRules::Escape::lower) make_lower(out, begin);
            return;
        case NameRules::Escape::percent:
        case NameRules::Escape::percent_dot:
            text::append_path_component(out, text);
            break;
    }
    if (rules_.escape != NameRules::Escape::percent_dot) return;
    for (std::size_t dot = out.find('.', begin); dot != std::string::npos;
         dot = out.find('.', dot + 3)) {
        out.replace(dot, 1, "%2E");
    }
}

std::string_view NameTemplate::of(const RecordView& record, std::string& scratch) const {
    if (parts_.empty()) return before_;
    const bool bare = parts_.size() == 1 && before_.empty() && parts_[0].behind.empty();
    if (bare && rules_.escape == NameRules::Escape::none) {
        const std::string_view text = text_of(parts_[0].source, record);
        if (text.size() <= rules_.size_max) return text;
    }
    scratch = before_;
    for (const Part& part : parts_) {
        append_escaped(text_of(part.source, record), scratch);
        scratch += part.behind;
    }
    if (scratch.size() > rules_.size_max) cut_with_hash(scratch, rules_.size_max);
    return scratch;
}

}  // namespace penstock::sinks

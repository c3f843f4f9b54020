#include "config/document.h"

#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

namespace penstock::config {

namespace {

bool continues(char c) noexcept {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// Bytes that a code point takes in UTF-8.
std::size_t utf8_bytes(unsigned long code_point) noexcept {
    if (code_point < 0x80) return 1;
    if (code_point < 0x800) return 2;
    return code_point < 0x10000 ? 3 : 4;
}

/// One character of a double-quoted scalar: bytes in the source, bytes in the value.
struct Step {
    std::size_t source;
    std::size_t value;
};

/// An escape of YAML 1.2, section 5.7, at its backslash.
Step escape_step(std::string_view source) noexcept {
    const char kind = source.size() > 1 ? source[1] : '\0';
    std::size_t digits = 0;
    if (kind == 'x') digits = 2;
    if (kind == 'u') digits = 4;
    if (kind == 'U') digits = 8;
    if (digits == 0) {
        if (kind == 'N' || kind == '_') return {2, 2};
        if (kind == 'L' || kind == 'P') return {2, 3};
        return {2, 1};
    }
    unsigned long code_point = 0;
    const std::string_view hex = source.substr(2, digits);
    if (std::from_chars(hex.data(), hex.data() + hex.size(), code_point, 16).ec != std::errc{})
        return {2, 1};
    return {2 + digits, utf8_bytes(code_point)};
}

/// How far into the source (from the opening quote) the value's byte `offset` stands; 0 when the
/// scalar goes over a line.
std::size_t quoted_offset(std::string_view source, std::size_t offset) noexcept {
    const char quote = source[0];
    std::size_t at = 1;
    std::size_t seen = 0;
    while (seen < offset && at < source.size()) {
        if (source[at] == '\n') return 0;
        Step step{1, 1};
        if (quote == '"' && source[at] == '\\') {
            step = escape_step(source.substr(at));
        } else if (quote == '\'' && source[at] == '\'' && source.substr(at).starts_with("''")) {
            step = {2, 1};
        } else if (source[at] == quote) {
            return at;  // the end of the value
        }
        at += step.source;
        seen += step.value;
    }
    return std::min(at, source.size());
}

/// The entry of a map whose key `path` begins with: the longest, as keys may hold dots.
const Entry* entry_at(const Node& map, std::string_view path) noexcept {
    const Entry* best = nullptr;
    for (const Entry& entry : map.entries) {
        if (!path.starts_with(entry.key)) continue;
        const char next = entry.key.size() < path.size() ? path[entry.key.size()] : '\0';
        if (next != '\0' && next != '.' && next != '[') continue;
        if (!best || entry.key.size() > best->key.size()) best = &entry;
    }
    return best;
}

/// Takes `[3]` off the front of a path.
std::optional<std::size_t> take_index(std::string_view& path) noexcept {
    const std::size_t close = path.find(']');
    if (!path.starts_with('[') || close == std::string_view::npos) return std::nullopt;
    const auto index = text::parse_uint(path.substr(1, close - 1));
    if (index) path.remove_prefix(close + 1);
    return index;
}

}  // namespace

const Entry* Node::find(std::string_view key) const noexcept {
    for (const Entry& entry : entries) {
        if (entry.key == key) return &entry;
    }
    return nullptr;
}

Document::Document(std::vector<Source> sources, NodePtr root) : root_(std::move(root)) {
    texts_.reserve(sources.size());
    for (Source& source : sources) {
        Text& text = texts_.emplace_back(Text{std::move(source), {0}});
        for (std::size_t i = 0; i < text.source.text.size(); ++i) {
            if (text.source.text[i] == '\n') text.line_starts.push_back(i + 1);
        }
    }
}

Place Document::place(const Node& node) const {
    return place(texts_[node.source], node.line, node.column);
}

Place Document::place(const Entry& entry) const {
    return place(texts_[entry.source], entry.line, entry.column);
}

Place Document::place(const Text& text, std::uint32_t line, std::uint32_t byte_column) {
    const auto& [file, content] = text.source;
    if (line == 0 || line > text.line_starts.size()) return {file, line, byte_column};
    const std::size_t start = text.line_starts[line - 1];
    const std::size_t end = std::min(start + byte_column - 1, content.size());
    const auto first = content.begin() + static_cast<std::ptrdiff_t>(start);
    const auto last = content.begin() + static_cast<std::ptrdiff_t>(end);
    const auto inside = std::count_if(first, last, continues);
    return {file, line, byte_column - static_cast<std::uint32_t>(inside)};
}

Place Document::place(const Node& scalar, std::size_t offset) const {
    if (offset == 0 || scalar.kind != Node::Kind::scalar || scalar.substituted) {
        return place(scalar);
    }
    const Text& text = texts_[scalar.source];
    if (scalar.line == 0 || scalar.line > text.line_starts.size()) return place(scalar);
    const std::size_t start = text.line_starts[scalar.line - 1] + scalar.column - 1;
    if (start >= text.source.text.size()) return place(scalar);
    const std::string_view source = std::string_view(text.source.text).substr(start);
    std::size_t shift = 0;
    if (source[0] == '"' || source[0] == '\'') {
        shift = quoted_offset(source, offset);
    } else if (scalar.plain && source.starts_with(scalar.text)) {
        shift = std::min(offset, scalar.text.size());
    }
    return place(text, scalar.line, scalar.column + static_cast<std::uint32_t>(shift));
}

Place Origin::here() const {
    return document_ ? document_->place(*node_) : Place{"settings", 0, 0};
}

Place Origin::at(std::string_view path, std::size_t offset) const {
    if (!document_) return here();
    const Node* node = node_.get();
    Place place = document_->place(*node);
    while (!path.empty()) {
        if (path.starts_with('.')) path.remove_prefix(1);
        if (node->kind == Node::Kind::map) {
            const Entry* entry = entry_at(*node, path);
            if (!entry) return place;
            path.remove_prefix(entry->key.size());
            place = document_->place(*entry);
            node = entry->value.get();
        } else {
            const auto index = take_index(path);
            if (!index || *index >= node->items.size()) return place;
            node = node->items[*index].get();
            place = document_->place(*node);
        }
    }
    if (node->kind != Node::Kind::scalar) return place;
    return document_->place(*node, offset);
}

namespace {

void append_text(const Node& node, std::string& out) {
    switch (node.kind) {
        case Node::Kind::null:
            out += '~';
            break;
        case Node::Kind::scalar:
            out += std::to_string(node.shown().size()) + ':';
            out += node.shown();
            break;
        case Node::Kind::list:
            out += '[';
            for (const auto& item : node.items)
                append_text(*item, out);
            out += ']';
            break;
        case Node::Kind::map:
            out += '{';
            for (const auto& entry : node.entries) {
                out += std::to_string(entry.key.size()) + ':' + entry.key + '=';
                append_text(*entry.value, out);
            }
            out += '}';
            break;
    }
}

}  // namespace

std::string Origin::text() const {
    std::string out;
    if (node_ != nullptr) append_text(*node_, out);
    return out;
}

}  // namespace penstock::config

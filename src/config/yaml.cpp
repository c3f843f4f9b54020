#include "config/yaml.h"

#include "base/json_text.h"
#include "config/overlay.h"
#include "config/substitution.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/node/node.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

namespace penstock::config {

namespace {

constexpr std::string_view kStringTag = "tag:yaml.org,2002:str";

/// Ends the parse; the problem is reported already. Leaves the library's parser by exception, as
/// its handlers must.
class Stop : public std::exception {};

struct Spot {
    std::uint32_t line;
    std::uint32_t column;
};

Spot spot(const YAML::Mark& mark) noexcept {
    return {
        static_cast<std::uint32_t>(std::max(mark.line, 0)) + 1,
        static_cast<std::uint32_t>(std::max(mark.column, 0)) + 1
    };
}

/// Builds the tree from the parser's calls.
class Builder : public YAML::EventHandler {
public:
    /// The builder's nodes say that they stand in the text of that number.
    Builder(
        const Source& source,
        std::uint32_t number,
        const Environment& environment,
        Problems& problems
    )
        : file_(source.file),
          source_(source.text),
          number_(number),
          environment_(environment),
          problems_(problems) {}

    [[nodiscard]] NodePtr root() const { return root_; }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > 1)
            stop(mark, "a settings file holds one document; '---' begins a second one");
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        auto node = make(mark, Node::Kind::null);
        if (!open_.empty() && open_.back().key) {
            // The library's mark is that of whatever follows: the key is what a reader looks for.
            node->line = open_.back().key->line;
            node->column = open_.back().key->column;
        }
        add(std::move(node), anchor, mark);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (wants_key()) stop(mark, "an alias cannot be a key");
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) stop(mark, "an alias cannot stand inside of what it names");
        place(found->second, mark);
    }

    void OnScalar(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        const std::string& value
    ) override {
        if (tag != "?") want_closed(mark);
        if (wants_key()) {
            take_key(mark, tag, value);
            return;
        }
        check_tag(mark, tag);
        auto node = make(mark, Node::Kind::scalar);
        node->plain = tag == "?";
        node->text = value;
        substitute(*node);
        add(std::move(node), anchor, mark);
    }

    void OnSequenceStart(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value
    ) override {
        open(mark, tag, anchor, Node::Kind::list);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value
    ) override {
        open(mark, tag, anchor, Node::Kind::map);
    }
    void OnMapEnd() override { close(); }

private:
    /// A list or map whose end has not come yet.
    struct Open {
        std::shared_ptr<Node> node;
        YAML::anchor_t anchor;
        YAML::Mark mark;
        std::optional<Entry> key;  // of a map: the key that waits for its value
        bool duplicate = false;    // that key was there before: the value is dropped
    };

    [[noreturn]] void stop(const YAML::Mark& mark, std::string message) {
        report(mark, std::move(message));
        throw Stop();
    }

    void report(const YAML::Mark& mark, std::string message) {
        const Spot at = spot(mark);
        problems_.error({file_, at.line, at.column}, std::move(message));
    }

    [[nodiscard]] std::shared_ptr<Node> make(const YAML::Mark& mark, Node::Kind kind) const {
        auto node = std::make_shared<Node>();
        const Spot at = spot(mark);
        node->kind = kind;
        node->source = number_;
        node->line = at.line;
        node->column = at.column;
        return node;
    }

    void check_tag(const YAML::Mark& mark, const std::string& tag) {
        if (tag.empty() || tag == "?" || tag == "!" || tag == kStringTag) return;
        report(mark, "tags such as " + quoted(tag) + " have no meaning here");
    }

    [[nodiscard]] bool wants_key() const {
        return !open_.empty() && open_.back().node->kind == Node::Kind::map && !open_.back().key;
    }

    void take_key(const YAML::Mark& mark, const std::string& tag, const std::string& key) {
        check_tag(mark, tag);
        if (key == "<<" && tag == "?")
            stop(mark, "merge keys ('<<') are not supported: repeat the keys");
        Open& map = open_.back();
        const Spot at = spot(mark);
        if (const Entry* first = map.node->find(key)) {
            report(
                mark,
                "duplicate key " + quoted(key) + ", first on line " + std::to_string(first->line)
            );
            map.duplicate = true;
        }
        map.key = Entry{key, number_, at.line, at.column, nullptr};
    }

    void open(
        const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind
    ) {
        if (wants_key()) stop(mark, "a key must be a single value; is a bracket not closed?");
        if (open_.size() == kDocumentDepthMax) {
            stop(mark, "nested deeper than " + std::to_string(kDocumentDepthMax) + " levels");
        }
        check_tag(mark, tag);
        open_.push_back({make(mark, kind), anchor, mark, std::nullopt, false});
    }

    void close() {
        Open done = std::move(open_.back());
        open_.pop_back();
        add(std::move(done.node), done.anchor, done.mark);
    }

    void add(std::shared_ptr<Node> node, YAML::anchor_t anchor, const YAML::Mark& mark) {
        if (wants_key()) stop(mark, "a key must be a single value");
        if (anchor != 0) anchors_[anchor] = node;
        place(std::move(node), mark);
    }

    /// Puts a complete node where it belongs.
    void place(NodePtr node, const YAML::Mark& mark) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& parent = open_.back();
        parent.node->weight += node->weight;
        if (parent.node->weight > kDocumentNodesMax) {
            stop(
                mark,
                "more than " + std::to_string(kDocumentNodesMax) +
                    " values (aliases counted where they are used)"
            );
        }
        if (parent.node->kind == Node::Kind::list) {
            parent.node->items.push_back(std::move(node));
            return;
        }
        if (!parent.duplicate) {
            parent.key->value = std::move(node);
            parent.node->entries.push_back(std::move(*parent.key));
        }
        parent.key.reset();
        parent.duplicate = false;
    }

    void substitute(Node& node) {
        if (node.text.find("${") == std::string::npos) return;
        auto value = substituted(environment_, node.text);
        if (!value.ok()) {
            problems_.error({file_, node.line, node.column}, value.error().message);
            return;
        }
        node.written = std::exchange(node.text, std::move(value).value());
        node.substituted = true;
    }

    /// The library takes the end of the file for the end of a quoted text.
    void want_closed(const YAML::Mark& mark) {
        auto at = static_cast<std::size_t>(std::max(mark.pos, 0));
        if (at >= source_.size() || (source_[at] != '\'' && source_[at] != '"')) return;
        const char quote = source_[at];
        for (++at; at < source_.size() && source_[at] != quote; ++at) {
            if (quote == '"' && source_[at] == '\\') ++at;
        }
        if (at >= source_.size()) stop(mark, std::string("the quote ") + quote + " is not closed");
    }

    const std::string& file_;
    std::string_view source_;
    std::uint32_t number_;
    const Environment& environment_;
    Problems& problems_;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, NodePtr> anchors_;
    NodePtr root_;
    unsigned documents_ = 0;
};

/// The line of the first byte that is no text.
std::uint32_t bad_line(std::string_view text) {
    std::uint32_t line = 1;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view here = text.substr(0, end);
        if (!valid_utf8(here) || here.find('\0') != std::string_view::npos) return line;
        text.remove_prefix(std::min(end + 1, text.size()));
        ++line;
    }
    return 0;
}

/// The tree of one text, or null after the reason was reported.
NodePtr parse_text(
    const Source& source, std::uint32_t number, const Environment& environment, Problems& problems
) {
    const auto& [file, text] = source;
    if (text.size() > kDocumentBytesMax) {
        problems.error({file, 0, 0}, "larger than " + std::to_string(kDocumentBytesMax) + " bytes");
        return nullptr;
    }
    if (const std::uint32_t line = bad_line(text)) {
        problems.error({file, line, 1}, "the line holds bytes that are no UTF-8 text");
        return nullptr;
    }
    Builder builder(source, number, environment, problems);
    try {
        std::istringstream stream{text};
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Stop&) {
        return nullptr;
    } catch (const YAML::Exception& error) {
        const Spot at = spot(error.mark);
        problems.error({file, at.line, at.column}, "not YAML: " + error.msg);
        return nullptr;
    } catch (const std::exception& error) {
        problems.error({file, 0, 0}, "not YAML: " + quoted(error.what()));
        return nullptr;
    }
    if (builder.root()) return builder.root();
    auto empty = std::make_shared<Node>();
    empty->kind = Node::Kind::map;
    empty->source = number;
    empty->line = 1;
    empty->column = 1;
    return empty;
}

/// Text `number` on top of the texts before it. A text that says nothing changes nothing.
NodePtr laid_over(const NodePtr& below, const NodePtr& top) {
    if (!below || top->kind == Node::Kind::null) return below ? below : top;
    return overlay(below, top);
}

}  // namespace

std::shared_ptr<const Document> parse_yaml(
    std::string_view text, std::string file, const Environment& environment, Problems& problems
) {
    return parse_yaml({{std::move(file), std::string(text)}}, environment, problems);
}

std::shared_ptr<const Document> parse_yaml(
    std::vector<Source> texts, const Environment& environment, Problems& problems
) {
    if (texts.size() > kDocumentFilesMax) {
        problems.error(
            {texts.back().file, 0, 0},
            "more than " + std::to_string(kDocumentFilesMax) + " files are laid over each other"
        );
        return nullptr;
    }
    NodePtr root;
    bool complete = true;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto number = static_cast<std::uint32_t>(i);
        const NodePtr parsed = parse_text(texts[i], number, environment, problems);
        complete = complete && parsed;
        if (complete) root = laid_over(root, parsed);
    }
    if (!complete) return nullptr;
    if (root->weight > kDocumentNodesMax) {
        problems.error(
            {texts.back().file, 0, 0},
            "with the files below it, more than " + std::to_string(kDocumentNodesMax) + " values"
        );
        return nullptr;
    }
    return std::make_shared<const Document>(std::move(texts), std::move(root));
}

}  // namespace penstock::config

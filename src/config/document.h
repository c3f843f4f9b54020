#pragma once

#include "config/problem.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::config {

class Node;
using NodePtr = std::shared_ptr<const Node>;

/// One key of a map, with the place of the key.
struct Entry {
    std::string key;
    std::uint32_t source = 0;  // which text of the document
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    NodePtr value;
};

/// A value as it stands in a file: nothing (null), a scalar, a list or a map, and where.
/// Threads: immutable once the document is made.
class Node {
public:
    enum class Kind : std::uint8_t { null, scalar, list, map };

    Kind kind = Kind::null;
    std::uint32_t source = 0;  // which text of the document
    std::uint32_t line = 0;
    std::uint32_t column = 0;    // in bytes, from 1
    bool plain = false;          // a scalar without quotes: may be a number or a truth value
    bool substituted = false;    // a scalar that held ${VAR}: `written` is what the file says
    std::string text;            // of a scalar
    std::string written;         // of a substituted scalar
    std::vector<NodePtr> items;  // of a list
    std::vector<Entry> entries;  // of a map, in the order of the file, keys unique
    std::uint64_t weight = 1;    // nodes below, aliases counted as often as they are used

    [[nodiscard]] const Entry* find(std::string_view key) const noexcept;
    /// The scalar as the file shows it: never what an environment variable holds.
    [[nodiscard]] const std::string& shown() const noexcept { return substituted ? written : text; }
};

/// One settings text and the name of its file.
/// Threads: immutable.
struct Source {
    std::string file;
    std::string text;
};

/// A parsed settings file, or several of them laid over each other (overlay.h).
/// Threads: immutable.
class Document {
public:
    /// Nodes of the tree say by number which of the sources they stand in.
    Document(std::vector<Source> sources, NodePtr root);

    [[nodiscard]] const NodePtr& root() const noexcept { return root_; }

    /// Where a node begins.
    [[nodiscard]] Place place(const Node& node) const;
    [[nodiscard]] Place place(const Entry& entry) const;
    /// Where the byte at `offset` of a scalar's value stands. Escapes are followed; a scalar over
    /// several lines, or one that came from the environment, gives its beginning.
    [[nodiscard]] Place place(const Node& scalar, std::size_t offset) const;

private:
    struct Text {
        Source source;
        std::vector<std::size_t> line_starts;
    };

    [[nodiscard]] static Place place(
        const Text& text, std::uint32_t line, std::uint32_t byte_column
    );

    std::vector<Text> texts_;
    NodePtr root_;
};

/// Where a table was read from: give a settings struct a member `config::Origin origin;` and it is
/// filled in. A part that finds something wrong later (an expression, a topic filter) asks it for
/// the place. All origins are equal, so that settings compare by what they say. Threads: immutable.
class Origin {
public:
    Origin() = default;
    Origin(std::shared_ptr<const Document> document, NodePtr node)
        : document_(std::move(document)), node_(std::move(node)) {}

    /// Where the table begins; line 0 when it was not read from a file.
    [[nodiscard]] Place here() const;

    /// The place of a value below the table: `at("when")`, `at("device.field")`, `at("topics[1]")`;
    /// with an offset, of that byte of the scalar: `at("when", 12)`. What is not in the file gives
    /// the nearest table that is.
    [[nodiscard]] Place at(std::string_view path, std::size_t offset = 0) const;

    /// What the file says below the table, in one canonical line: equal texts, equal settings.
    /// `${VAR}` and secret references stand as they are written. Empty when the table was not read
    /// from a file.
    [[nodiscard]] std::string text() const;

    friend bool operator==(const Origin&, const Origin&) noexcept { return true; }

private:
    std::shared_ptr<const Document> document_;
    NodePtr node_;
};

}  // namespace penstock::config

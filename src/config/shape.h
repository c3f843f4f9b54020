#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a key takes, without the C++ types: the reference and the JSON Schema are made from it.
namespace penstock::config {

/// The bounds that rules set, as far as they can be said without code.
/// Threads: immutable.
struct Limits {
    std::optional<std::string> minimum;  // as `print` writes it: "1", "64MiB"
    std::optional<std::string> maximum;
    std::string pattern;             // POSIX extended, the text as a whole; "": any text
    std::vector<std::string> words;  // the only texts; empty: any text
    bool not_empty = false;
    std::optional<std::size_t> items_max;
};

/// One value.
/// Threads: immutable.
struct Shape {
    enum class Kind : std::uint8_t {
        truth,
        integer,
        number,
        text,      // with a meaning of its own: `name` says which
        quantity,  // a text with a unit: size or duration
        word,      // one of limits.words
        list,
        map,
        table,
        choice,  // a table by `type`
    };

    Kind kind = Kind::text;
    std::string_view name;  // as the reference says it: "size", "secret", "text"
    Limits limits;
    bool may_be_nothing = false;        // an optional
    std::string name_pattern;           // of the names of a map; "": any
    std::shared_ptr<const Shape> item;  // of a list or a map
};

/// The type as the reference says it: `size`, `list of text`, `one of auto, sync`.
[[nodiscard]] std::string words(const Shape& shape);

}  // namespace penstock::config

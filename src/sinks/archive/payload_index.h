#pragma once

#include "penstock/record.h"

#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// A member of a JSON object: places in its text.
struct JsonMember {
    std::string_view key;    // between the quotes, escapes as they are
    std::string_view value;  // without blanks around it
};

/// The members of an object's text. Precondition: well-formed, an object.
[[nodiscard]] std::vector<JsonMember> json_members(std::string_view object);

/// A string's text without its quotes and escapes.
[[nodiscard]] std::string json_unescaped(std::string_view between_quotes);

/// The field index of a payload, as the inspector makes it (penstock/record.h): scalars of the root
/// and, as `a.b`, of the objects in it; arrays and empty objects as their text.
struct PayloadIndex {
    std::vector<RecordParts::Entry> entries;
    std::string annex;

    /// Precondition: well-formed, an object; this index is empty.
    void add_payload(std::string_view payload);
    /// A derived field with the JSON text of its value.
    void add_derived(std::string_view name, std::string_view value);

private:
    void add_members(
        std::string_view payload, std::string_view object, const std::string& path, int depth
    );
    void name(RecordParts::Entry& entry, std::string_view name);
};

}  // namespace penstock::sinks

#include "config/schema.h"

#include "base/json_text.h"
#include "base/text.h"
#include "config/reference.h"

#include <cstddef>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::config {

namespace {

/// Members of a JSON object, values as JSON.
using Members = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kReference = R"({"$ref":"#/definitions/variable"})";
constexpr std::string_view kVariable = R"({"type":"string","pattern":"\\$\\{"})";

std::string json(std::string_view text) {
    std::string out;
    append_json_string(text, out);
    return out;
}

std::string object(const Members& members) {
    std::string out = "{";
    for (const auto& [name, value] : members)
        out += (out.size() == 1 ? "" : ",") + json(name) + ':' + value;
    return out + '}';
}

std::string array(const std::vector<std::string>& items) {
    std::string out = "[";
    for (const std::string& item : items)
        out += (out.size() == 1 ? "" : ",") + item;
    return out + ']';
}

std::string texts(const std::vector<std::string>& words) {
    std::vector<std::string> items;
    items.reserve(words.size());
    for (const std::string& word : words)
        items.push_back(json(word));
    return array(items);
}

std::string whole_pattern(const std::string& pattern) {
    return json("^(?:" + pattern + ")$");
}

std::string any_of(const std::vector<std::string>& choices) {
    return object({{"anyOf", array(choices)}});
}

std::string numeric(std::string_view type, const Limits& limits) {
    Members members{{"type", json(type)}};
    if (limits.minimum) members.emplace_back("minimum", *limits.minimum);
    if (limits.maximum) members.emplace_back("maximum", *limits.maximum);
    return any_of({object(members), std::string(kReference)});
}

/// A text takes whatever stands there, numbers and truth values too, unless it has a form.
std::string textual(const Limits& limits) {
    if (!limits.words.empty())
        return any_of({object({{"enum", texts(limits.words)}}), std::string(kReference)});
    Members members{{"type", texts({"string", "number", "boolean"})}};
    if (limits.not_empty) members.emplace_back("minLength", "1");
    if (limits.pattern.empty()) return object(members);
    members.emplace_back("pattern", whole_pattern(limits.pattern));
    return any_of({object(members), std::string(kReference)});
}

/// A text with a unit, or 0.
std::string quantity(const Limits& limits) {
    return any_of(
        {object({{"type", json("string")}, {"pattern", whole_pattern(limits.pattern)}}),
         object({{"const", "0"}}),
         std::string(kReference)}
    );
}

/// Rules of the number of entries; `what` is Items or Properties.
void add_counts(Members& members, const Limits& limits, const std::string& what) {
    if (limits.not_empty) members.emplace_back("min" + what, "1");
    if (limits.items_max) members.emplace_back("max" + what, std::to_string(*limits.items_max));
}

/// Nothing behind the key of a list or map means: no entries.
std::string type_or_nothing(std::string_view type, const Limits& limits) {
    return limits.not_empty ? json(type) : texts({std::string(type), "null"});
}

/// The default as JSON; "" when it is none that JSON can say in the place of the YAML.
std::string default_of(const Shape& shape, const std::string& yaml) {
    switch (shape.kind) {
        case Shape::Kind::truth:
            return yaml;
        case Shape::Kind::integer:
        case Shape::Kind::number:
            return text::parse_double(yaml) ? yaml : "";
        case Shape::Kind::text:
        case Shape::Kind::quantity:
        case Shape::Kind::word:
            if (yaml.empty() || yaml.starts_with('"')) return yaml;
            return json(yaml);
        default:
            return "";
    }
}

std::string description_of(const KeyLine& line) {
    std::string out = line.field->help;
    for (const std::string& rule : line.field->notes)
        out += " Must " + rule + '.';
    if (line.needs_restart) out += " Takes a restart.";
    return out;
}

class Writer {
public:
    explicit Writer(SchemaFor use) : overlay_(use == SchemaFor::overlay) {}

    std::string settings(const TableBase& table) {
        const std::string top = reference_to(whole(table), "settings");
        std::string out = "{\n\"$schema\":\"http://json-schema.org/draft-07/schema#\",\n";
        out += "\"title\":\"Penstock\",\n\"allOf\":[" + top + "],\n\"definitions\":{\n";
        out += "\"variable\":" + std::string(kVariable);
        for (const auto& [name, definition] : definitions_)
            out += ",\n" + json(name) + ':' + definition;
        return out + "\n}\n}\n";
    }

private:
    std::string value(const Shape& shape, const Below& below, const std::string& path) {
        std::string plain = plain_value(shape, below, path);
        if (!shape.may_be_nothing) return plain;
        return any_of({std::move(plain), object({{"type", json("null")}})});
    }

    std::string plain_value(const Shape& shape, const Below& below, const std::string& path) {
        switch (shape.kind) {
            case Shape::Kind::truth:
                return any_of({object({{"type", json("boolean")}}), std::string(kReference)});
            case Shape::Kind::integer:
                return numeric("integer", shape.limits);
            case Shape::Kind::number:
                return numeric("number", shape.limits);
            case Shape::Kind::text:
            case Shape::Kind::word:
                return textual(shape.limits);
            case Shape::Kind::quantity:
                return quantity(shape.limits);
            case Shape::Kind::list:
                return list(shape, below, path);
            case Shape::Kind::map:
                return map(shape, below, path);
            case Shape::Kind::table:
                return reference_to(below.choices.front(), path);
            case Shape::Kind::choice:
                break;
        }
        return choice(below, path);
    }

    std::string list(const Shape& shape, const Below& below, const std::string& path) {
        Members members{
            {"type", type_or_nothing("array", shape.limits)},
            {"items", value(*shape.item, below, path)}
        };
        add_counts(members, shape.limits, "Items");
        return object(members);
    }

    std::string map(const Shape& shape, const Below& below, const std::string& path) {
        std::string entry = value(*shape.item, below, path);
        // An overlay takes a table away by its name with nothing behind it.
        if (overlay_) entry = any_of({std::move(entry), object({{"type", json("null")}})});
        Members members{
            {"type", type_or_nothing("object", shape.limits)}, {"additionalProperties", entry}
        };
        if (!shape.name_pattern.empty()) {
            const Members names{{"pattern", whole_pattern(shape.name_pattern)}};
            members.emplace_back("propertyNames", object(names));
        }
        add_counts(members, shape.limits, "Properties");
        return object(members);
    }

    /// A table whose keys hang on `type`. In an overlay a lower file may have said the type.
    std::string choice(const Below& below, const std::string& path) {
        std::vector<std::string> kinds;
        std::vector<std::string> rules;
        std::set<std::string> keys;
        for (const Below::Keys& kind : below.choices) {
            kinds.push_back(kind.kind);
            for (const KeyLine& line : lines_of(kind))
                keys.insert(line.field->key);
            const Members type{{"type", object({{"const", json(kind.kind)}})}};
            const Members is{{"properties", object(type)}, {"required", texts({"type"})}};
            rules.push_back(
                object({{"if", object(is)}, {"then", reference_to(kind, path + '.' + kind.kind)}})
            );
        }
        const Members type{{"type", object({{"enum", texts(kinds)}})}};
        Members members{{"type", json("object")}, {"properties", object(type)}};
        if (overlay_) {
            const std::string known = texts({keys.begin(), keys.end()});
            const std::string without = object({{"not", object({{"required", texts({"type"})}})}});
            const std::string names = object({{"propertyNames", object({{"enum", known}})}});
            rules.push_back(object({{"if", without}, {"then", names}}));
        } else {
            members.emplace_back("required", texts({"type"}));
        }
        members.emplace_back("allOf", array(rules));
        return object(members);
    }

    /// Tables of the same keys share one definition, named by where it is met first.
    std::string reference_to(const Below::Keys& keys, const std::string& path) {
        std::vector<const TableBase*> identity;
        identity.reserve(keys.tables.size());
        for (const auto& [table, object] : keys.tables)
            identity.push_back(table);
        const auto [known, added] = names_.emplace(std::move(identity), path);
        const std::string name = known->second;
        if (added) definitions_[name] = definition(keys, name);
        return object({{"$ref", json("#/definitions/" + name)}});
    }

    std::string definition(const Below::Keys& keys, const std::string& path) {
        Members properties;
        std::vector<std::string> required;
        if (!keys.kind.empty()) {
            properties.emplace_back("type", object({{"const", json(keys.kind)}}));
            required.emplace_back("type");
        }
        for (const KeyLine& line : lines_of(keys)) {
            if (line.field->required) required.push_back(line.field->key);
            properties.emplace_back(line.field->key, property(line, path));
        }
        if (overlay_) required.clear();
        Members members{
            {"type", required.empty() ? texts({"object", "null"}) : json("object")},
            {"additionalProperties", "false"},
            {"properties", object(properties)}
        };
        if (!keys.help.empty()) members.emplace_back("description", json(keys.help));
        if (!required.empty()) members.emplace_back("required", texts(required));
        return object(members);
    }

    std::string property(const KeyLine& line, const std::string& path) {
        const FieldBase& field = *line.field;
        const Below below = field.below(line.defaults);
        const std::string here = path == "settings" ? field.key : path + '.' + field.key;
        Members members{{"description", json(description_of(line))}};
        const std::string preset = default_of(field.shape, field.print(line.defaults));
        if (!preset.empty() && !field.required) members.emplace_back("default", preset);
        members.emplace_back("allOf", array({value(field.shape, below, here)}));
        return object(members);
    }

    bool overlay_;
    std::map<std::vector<const TableBase*>, std::string> names_;
    std::map<std::string, std::string> definitions_;
};

}  // namespace

std::string json_schema(const TableBase& settings, SchemaFor use) {
    return Writer(use).settings(settings);
}

}  // namespace penstock::config

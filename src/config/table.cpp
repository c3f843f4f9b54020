#include "config/table.h"

#include "base/files.h"
#include "config/yaml.h"

namespace penstock::config {

namespace {

/// A line of a table with the object that it sets.
struct Line {
    const FieldBase* field;
    void* object;
};

/// Lines of tables and of the tables merged into them; `tables` gets each with its object.
void flatten(const TableParts& parts, std::vector<Line>& lines, TableParts& tables) {
    for (const auto& [table, object] : parts) {
        tables.emplace_back(table, object);
        for (const FieldBase& field : table->fields) {
            if (field.merged) {
                flatten({{field.merged, field.merged_object(object)}}, lines, tables);
            } else {
                lines.push_back({&field, object});
            }
        }
    }
}

const Line* find(const std::vector<Line>& lines, std::string_view key) noexcept {
    for (const Line& line : lines) {
        if (line.field->key == key) return &line;
    }
    return nullptr;
}

std::string joined(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + '.' + key;
}

void report_unknown(
    const Entry& entry, const std::vector<Line>& lines, std::string_view tag, const Context& context
) {
    std::vector<std::string> known;
    known.reserve(lines.size() + 1);
    for (const Line& line : lines)
        known.push_back(line.field->key);
    if (!tag.empty()) known.emplace_back(tag);
    context.problems.error(
        context.document->place(entry),
        "unknown key " + quoted(joined(context.path, entry.key)) + suggestion(entry.key, known)
    );
}

void report_missing(const Node& node, const std::vector<Line>& lines, const Context& context) {
    for (const Line& line : lines) {
        if (!line.field->required || node.find(line.field->key)) continue;
        context.problems.error(
            context.document->place(node),
            "the key " + quoted(joined(context.path, line.field->key)) + " is missing"
        );
    }
}

}  // namespace

void Context::error(const Node& node, std::string_view message) const {
    std::string sentence = path.empty() ? "the settings" : quoted(path);
    sentence += ' ';
    sentence += message;
    problems.error(document->place(node), std::move(sentence));
}

void Context::wrong(const Node& node, std::string_view message) const {
    error(node, std::string(message) + ", not " + quoted(node.shown()));
}

void read_table(
    const NodePtr& node, const TableParts& parts, Context& context, std::string_view tag
) {
    const bool is_map = node->kind == Node::Kind::map || node->kind == Node::Kind::null;
    if (!is_map) {
        context.error(
            *node,
            node->kind == Node::Kind::list ? "must be a table of keys, not a list"
                                           : "must be a table of keys, not a single value"
        );
        return;
    }
    const std::size_t before = context.problems.errors();
    std::vector<Line> lines;
    TableParts tables;
    flatten(parts, lines, tables);
    for (const Entry& entry : node->entries) {
        if (!tag.empty() && entry.key == tag) continue;
        const Line* line = find(lines, entry.key);
        if (!line) {
            report_unknown(entry, lines, tag, context);
            continue;
        }
        const PathStep step(context, entry.key);
        line->field->read(entry.value, line->object, context);
    }
    report_missing(*node, lines, context);
    const Origin origin(context.document, node);
    for (const auto& [table, object] : tables) {
        if (table->set_origin) table->set_origin(object, origin);
        if (table->check && context.problems.errors() == before) {
            table->check(object, origin, context.problems);
        }
    }
}

std::optional<std::vector<Source>> read_settings_files(
    const std::vector<std::filesystem::path>& paths, Problems& problems
) {
    std::vector<Source> sources;
    for (const auto& path : paths) {
        auto text = files::read(path, kDocumentBytesMax);
        if (text.ok()) {
            sources.push_back({path.string(), std::move(text).value()});
        } else {
            problems.error({path.string(), 0, 0}, text.error().message);
        }
    }
    if (sources.size() != paths.size()) return std::nullopt;
    return sources;
}

}  // namespace penstock::config

#include "config/reference.h"

#include <cstddef>
#include <utility>

namespace penstock::config {

namespace {

constexpr int kDepthMax = 8;

/// Walks tables depth first: first the keys of a table, then the tables below it.
class Walk {
public:
    void table(const std::string& path, const Below::Keys& keys, int depth) {
        std::vector<std::pair<std::string, Below>> nested;
        for (const auto& [table, object] : keys.tables)
            fields(path, keys, *table, object, nested);
        if (depth == kDepthMax) return;
        for (const auto& [below_path, below] : nested) {
            for (const Below::Keys& choice : below.choices) {
                this->table(below_path + below.suffix, choice, depth + 1);
            }
        }
    }

    std::vector<ReferenceLine> lines;

private:
    void fields(
        const std::string& path,
        const Below::Keys& keys,
        const TableBase& table,
        const void* object,
        std::vector<std::pair<std::string, Below>>& nested
    ) {
        for (const FieldBase& field : table.fields) {
            if (field.merged) {
                // The callback takes what reading needs; nothing is changed here.
                const void* inner = field.merged_object(const_cast<void*>(object));
                fields(path, keys, *field.merged, inner, nested);
                continue;
            }
            Below below = field.below(object);
            lines.push_back(
                {path,
                 keys.kind,
                 keys.help,
                 field.key,
                 field.type,
                 field.print(object),
                 field.help,
                 field.notes,
                 field.required}
            );
            if (below.choices.empty()) continue;
            nested.emplace_back(
                path.empty() ? field.key : path + '.' + field.key, std::move(below)
            );
        }
    }
};

std::string cell(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out;
}

std::string heading(const ReferenceLine& line) {
    if (line.table.empty()) return "## Top level\n";
    std::string out = "## `" + line.table + '`';
    if (!line.kind.empty()) out += " with `type: " + line.kind + '`';
    out += '\n';
    if (!line.kind_help.empty()) out += '\n' + line.kind_help + '\n';
    return out;
}

std::string default_cell(const ReferenceLine& line) {
    if (line.required) return "required";
    return line.value.empty() ? "" : '`' + cell(line.value) + '`';
}

std::string help_cell(const ReferenceLine& line) {
    std::string out = cell(line.help);
    for (const std::string& rule : line.rules)
        out += " Must " + cell(rule) + '.';
    return out;
}

}  // namespace

std::string ReferenceLine::path() const {
    return table.empty() ? key : table + '.' + key;
}

std::vector<ReferenceLine> reference_lines(const TableBase& settings) {
    Walk walk;
    walk.table("", {"", "", {{&settings, settings.defaults.get()}}}, 0);
    return std::move(walk.lines);
}

std::string reference_markdown(const TableBase& settings) {
    std::string out;
    const ReferenceLine* last = nullptr;
    const auto lines = reference_lines(settings);
    for (const ReferenceLine& line : lines) {
        if (!last || last->table != line.table || last->kind != line.kind) {
            if (last) out += '\n';
            out += heading(line) + "\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n";
        }
        out += "| `" + line.key + "` | " + cell(line.type) + " | " + default_cell(line) + " | " +
               help_cell(line) + " |\n";
        last = &line;
    }
    return out;
}

}  // namespace penstock::config

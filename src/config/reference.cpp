#include "config/reference.h"

#include <cstddef>
#include <map>
#include <utility>

namespace penstock::config {

namespace {

constexpr int kDepthMax = 8;

using Tables = std::vector<std::pair<const TableBase*, const void*>>;

void flatten(const Tables& tables, bool needs_restart, std::vector<KeyLine>& lines) {
    for (const auto& [table, object] : tables) {
        for (const FieldBase& field : table->fields) {
            const bool restart = needs_restart || field.needs_restart;
            if (field.merged) {
                // The callback takes what reading needs; nothing is changed here.
                void* const merged = field.merged_object(const_cast<void*>(object));
                flatten({{field.merged, merged}}, restart, lines);
            } else {
                lines.push_back({&field, object, restart});
            }
        }
    }
}

/// Where tables were met first, by what they consist of.
class Seen {
public:
    /// The path of an earlier table of the same keys, or "" when this is the first.
    std::string before(const Below::Keys& keys, const std::string& path) {
        std::vector<const TableBase*> identity;
        identity.reserve(keys.tables.size());
        for (const auto& [table, object] : keys.tables)
            identity.push_back(table);
        const auto [place, added] = first_.emplace(std::move(identity), path);
        return added ? "" : place->second;
    }

private:
    std::map<std::vector<const TableBase*>, std::string> first_;
};

std::string joined(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + '.' + key;
}

/// Walks tables depth first: first the keys of a table, then the tables below it.
class Walk {
public:
    void table(const std::string& path, const Below::Keys& keys, bool needs_restart, int depth) {
        const std::string same_as = seen_.before(keys, path);
        struct Nested {
            std::string path;
            Below below;
            bool needs_restart;
        };
        std::vector<Nested> nested;
        for (const auto& [field, object, says_restart] : lines_of(keys)) {
            Below below = field->below(object);
            const bool restart = needs_restart || says_restart;
            lines.push_back(
                {path,
                 keys.kind,
                 keys.help,
                 same_as,
                 field->key,
                 words(field->shape),
                 field->print(object),
                 field->help,
                 field->notes,
                 field->required,
                 restart,
                 says_restart}
            );
            if (!below.choices.empty())
                nested.push_back({joined(path, field->key), std::move(below), restart});
        }
        if (depth == kDepthMax) return;
        for (const auto& [below_path, below, restart] : nested) {
            for (const Below::Keys& choice : below.choices) {
                this->table(below_path + below.suffix, choice, restart, depth + 1);
            }
        }
    }

    std::vector<ReferenceLine> lines;

private:
    Seen seen_;
};

// ---- Markdown -----------------------------------------------------------------------------------

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

std::string sentence(const ReferenceLine& line) {
    std::string out = line.help;
    for (const std::string& rule : line.rules)
        out += " Must " + rule + '.';
    if (line.says_restart) out += " Takes a restart.";
    return out;
}

bool same_table(const ReferenceLine* a, const ReferenceLine& b) {
    return a && a->table == b.table && a->kind == b.kind;
}

// ---- YAML ---------------------------------------------------------------------------------------

/// Writes the tables as a settings file.
class YamlWriter {
public:
    void table(const std::string& path, const Below::Keys& keys, std::size_t indent, bool off) {
        for (const auto& [field, object, needs_restart] : lines_of(keys)) {
            if (indent == 0 && !out.empty()) out += '\n';
            comment(indent, off, field->help);
            const Below below = field->below(object);
            if (below.choices.empty()) {
                scalar(*field, object, indent, off);
            } else {
                nested(joined(path, field->key), *field, below, indent, off);
            }
        }
    }

    std::string out;

private:
    static constexpr std::size_t kColumns = 100;

    void line(std::size_t indent, bool off, const std::string& text) {
        out += (off ? "# " : "") + std::string(indent, ' ') + text + '\n';
    }

    /// Breaks a sentence at blanks.
    void comment(std::size_t indent, bool off, const std::string& text) {
        const std::size_t width = kColumns - indent - (off ? 4 : 2);
        for (std::size_t at = 0; at < text.size();) {
            std::size_t end = text.size();
            if (end - at > width) {
                end = text.rfind(' ', at + width);
                if (end == std::string::npos || end <= at) end = text.find(' ', at);
                if (end == std::string::npos) end = text.size();
            }
            line(indent, off, "# " + text.substr(at, end - at));
            at = end + 1;
        }
    }

    void scalar(const FieldBase& field, const void* object, std::size_t indent, bool off) {
        const std::string value = field.print(object);
        if (value.empty() || field.required) {
            line(indent, true, field.key + ": <" + words(field.shape) + '>');
        } else {
            const bool choice = field.shape.kind == Shape::Kind::word;
            const std::string which = choice ? "  # " + words(field.shape) : "";
            line(indent, off, field.key + ": " + value + which);
        }
    }

    void nested(
        const std::string& path,
        const FieldBase& field,
        const Below& below,
        std::size_t indent,
        bool off
    ) {
        const bool entries = !below.suffix.empty();
        line(indent, off || !below.present, field.key + ':');
        const bool off_below = off || !below.present || entries;
        for (const Below::Keys& keys : below.choices) {
            const std::string below_path = path + below.suffix;
            std::size_t deeper = indent + 2;
            if (entries) {
                line(deeper, true, below.suffix.starts_with('[') ? "-" : "<name>:");
                deeper += 2;
            }
            if (!keys.kind.empty()) {
                comment(deeper, true, keys.help);
                line(deeper, true, "type: " + keys.kind);
            }
            const std::string same_as = seen_.before(keys, below_path);
            if (same_as.empty()) {
                table(below_path, keys, deeper, off_below);
            } else {
                comment(deeper, off_below, "The keys of " + same_as + '.');
            }
        }
    }

    Seen seen_;
};

}  // namespace

std::vector<KeyLine> lines_of(const Below::Keys& keys) {
    std::vector<KeyLine> lines;
    flatten(keys.tables, false, lines);
    return lines;
}

Below::Keys whole(const TableBase& settings) {
    return {"", "", {{&settings, settings.defaults.get()}}};
}

std::string ReferenceLine::path() const {
    return joined(table, key);
}

std::vector<ReferenceLine> reference_lines(const TableBase& settings) {
    Walk walk;
    walk.table("", whole(settings), false, 0);
    return std::move(walk.lines);
}

std::string reference_markdown(const TableBase& settings) {
    std::string out;
    const ReferenceLine* last = nullptr;
    const auto lines = reference_lines(settings);
    for (const ReferenceLine& line : lines) {
        if (line.same_as == line.table && !line.same_as.empty()) continue;
        const bool begins = !same_table(last, line);
        if (begins) out += (last ? "\n" : "") + heading(line) + '\n';
        last = &line;
        if (!line.same_as.empty()) {
            if (begins) out += "The keys of `" + line.same_as + "`.\n";
            continue;
        }
        if (begins) out += "| Key | Type | Default | Meaning |\n|---|---|---|---|\n";
        out += "| `" + line.key + "` | " + cell(line.type) + " | " + default_cell(line) + " | " +
               cell(sentence(line)) + " |\n";
    }
    return out;
}

std::string reference_yaml(const TableBase& settings) {
    YamlWriter writer;
    writer.table("", whole(settings), 0, false);
    return std::move(writer.out);
}

}  // namespace penstock::config

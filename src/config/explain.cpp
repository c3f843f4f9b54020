#include "config/explain.h"

#include "config/reference.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>
#include <vector>

namespace penstock::config {

namespace {

using Steps = std::vector<std::string>;

/// `streams.<name>.status[0].when` as streams, <name>, status, when.
Steps steps_of(std::string_view path) {
    Steps steps;
    while (!path.empty()) {
        const std::size_t dot = std::min(path.find('.'), path.size());
        const std::string_view step = path.substr(0, dot);
        steps.emplace_back(step.substr(0, step.find('[')));
        path.remove_prefix(std::min(dot + 1, path.size()));
    }
    return steps;
}

/// `asked` fits the last steps of `known`, where a name of the reader's own fits `<name>`.
bool fits_end(const Steps& asked, const Steps& known) {
    if (asked.empty() || asked.size() > known.size()) return false;
    const auto same = [](const std::string& mine, const std::string& theirs) {
        return theirs == "<name>" ? !mine.empty() : mine == theirs;
    };
    const auto from = known.end() - static_cast<std::ptrdiff_t>(asked.size());
    return std::equal(asked.begin(), asked.end(), from, same);
}

/// Says the same of the key, whatever the `type` of its table is.
bool alike(const ReferenceLine& a, const ReferenceLine& b) {
    return a.type == b.type && a.value == b.value && a.help == b.help && a.rules == b.rules &&
           a.required == b.required;
}

/// A key, and the types of its table for which it is the same.
struct Meaning {
    const ReferenceLine* line;
    std::vector<std::string> kinds;
};

class Book {
public:
    explicit Book(const TableBase& settings) : lines_(reference_lines(settings)) {}

    /// The lines of whole paths that fit; when there are none, those whose end fits.
    [[nodiscard]] std::vector<const ReferenceLine*> find(const Steps& asked) const {
        std::vector<const ReferenceLine*> wholes;
        std::vector<const ReferenceLine*> ends;
        for (const ReferenceLine& line : lines_) {
            const Steps known = steps_of(line.path());
            if (!fits_end(asked, known)) continue;
            (asked.size() == known.size() ? wholes : ends).push_back(&line);
        }
        return wholes.empty() ? ends : wholes;
    }

    [[nodiscard]] std::vector<const ReferenceLine*> below(const std::string& path) const {
        std::vector<const ReferenceLine*> found;
        const Steps steps = steps_of(path);
        for (const ReferenceLine& line : lines_) {
            Steps table = steps_of(line.table);
            if (table.size() > steps.size() && table.back() == "<name>") table.pop_back();
            if (table == steps) found.push_back(&line);
        }
        return found;
    }

    [[nodiscard]] std::string suggestion(std::string_view key) const {
        std::set<std::string> paths;
        std::set<std::string> keys;
        for (const ReferenceLine& line : lines_) {
            paths.insert(line.path());
            keys.insert(line.key);
        }
        const auto near = [](const std::string& word, const std::set<std::string>& known) {
            return did_you_mean(word, {known.begin(), known.end()});
        };
        std::string best = near(std::string(key), paths);
        if (best.empty()) {
            const Steps steps = steps_of(key);
            if (!steps.empty()) best = near(steps.back(), keys);
        }
        return best.empty() ? "; docs/CONFIG.md lists them all" : "; did you mean '" + best + "'?";
    }

private:
    std::vector<ReferenceLine> lines_;
};

std::string with_unit(const std::string& type) {
    const auto has = [&type](std::string_view word) { return type.ends_with(word); };
    if (has("size")) return type + ", with a unit: B, KiB, MiB, GiB, TiB or kB, MB, GB, TB";
    if (has("duration")) return type + ", with a unit: ns, us, ms, s, m, h, d, as in 1h30m";
    if (has("secret")) return type + ": file:/PATH, env:NAME, credential:NAME or text:...";
    return type;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words)
        out += (out.empty() ? "" : ", ") + word;
    return out;
}

std::vector<Meaning> meanings_of(const std::vector<const ReferenceLine*>& lines) {
    std::vector<Meaning> meanings;
    for (const ReferenceLine* line : lines) {
        const auto known = std::find_if(meanings.begin(), meanings.end(), [line](const Meaning& m) {
            return alike(*m.line, *line);
        });
        if (known == meanings.end()) {
            meanings.push_back({line, {line->kind}});
        } else {
            known->kinds.push_back(line->kind);
        }
    }
    return meanings;
}

std::string default_of(const ReferenceLine& line) {
    if (line.required) return "none: the key must be there";
    if (!line.value.empty()) return line.value;
    return "none";
}

std::string text_of(const Meaning& meaning, const Book& book) {
    const ReferenceLine& line = *meaning.line;
    std::string out = line.path();
    if (!line.kind.empty()) out += "  (type: " + joined(meaning.kinds) + ')';
    out += "\n  " + line.help + '\n';
    out += "\n  type     " + with_unit(line.type);
    const bool table = line.type.find("table") != std::string::npos;
    if (!table || line.required) out += "\n  default  " + default_of(line);
    for (const std::string& rule : line.rules)
        out += "\n  bounds   must " + rule;
    out += "\n  change   ";
    out += line.needs_restart ? "takes a restart" : "taken by a reload (SIGHUP)";
    out += '\n';
    std::set<std::string> keys;
    if (table) {
        for (const ReferenceLine* below : book.below(line.path()))
            keys.insert(below->key);
    }
    if (!keys.empty()) out += "  keys     " + joined({keys.begin(), keys.end()}) + '\n';
    return out;
}

/// All lines have one path.
bool one_path(const std::vector<const ReferenceLine*>& lines) {
    return std::all_of(lines.begin(), lines.end(), [&lines](const ReferenceLine* line) {
        return line->path() == lines.front()->path();
    });
}

}  // namespace

Result<std::string> explain(const TableBase& settings, std::string_view key) {
    const Book book(settings);
    const auto lines = book.find(steps_of(key));
    if (lines.empty()) {
        const std::string sentence = "no setting " + quoted(std::string(key));
        return Error{Errc::not_found, sentence + book.suggestion(key)};
    }
    std::string out;
    if (one_path(lines)) {
        for (const Meaning& meaning : meanings_of(lines))
            out += (out.empty() ? "" : "\n") + text_of(meaning, book);
        return out;
    }
    out = "Several settings end in " + quoted(std::string(key)) + ":\n";
    std::set<std::string> paths;
    for (const ReferenceLine* line : lines) {
        if (paths.insert(line->path()).second) out += "  " + line->path() + '\n';
    }
    return out;
}

}  // namespace penstock::config

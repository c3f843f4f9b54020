#include "config/problem.h"

#include "base/json_text.h"
#include "base/text.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace penstock::config {

namespace {

constexpr std::size_t kListedMax = 200;
constexpr std::size_t kQuotedBytesMax = 80;
constexpr std::size_t kWordBytesMax = 64;

char folded(char c) noexcept {
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
    return c == '-' || c == ' ' ? '_' : c;
}

/// Insertions, deletions, replacements and swaps of neighbours between two words (optimal string
/// alignment), case and kind of hyphen apart.
std::size_t distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = folded(a[i - 1]) == folded(b[j - 1]);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0U : 1U)});
            if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                folded(a[i - 2]) == folded(b[j - 1])) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        std::swap(before, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

/// Values and paths stand in messages as they are; what would move a terminal's cursor may not.
std::string one_line(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += kDigits[byte >> 4U];
            out += kDigits[byte & 15U];
        }
    }
    return out;
}

}  // namespace

std::string Place::text() const {
    if (line == 0) return file;
    return file + ':' + std::to_string(line) + ':' + std::to_string(column);
}

std::string Problem::text() const {
    std::string out = place.text();
    out += severity == Severity::warning ? ": warning: " : ": ";
    out += message;
    return out;
}

void Problems::error(Place place, std::string message) {
    ++errors_;
    add(Severity::error, std::move(place), std::move(message));
}

void Problems::warn(Place place, std::string message) {
    add(Severity::warning, std::move(place), std::move(message));
}

void Problems::add(Severity severity, Place place, std::string message) {
    if (list_.size() == kListedMax) {
        ++unlisted_;
        return;
    }
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(message.begin(), message.end(), control)) message = one_line(message);
    list_.push_back({std::move(place), severity, std::move(message)});
}

std::vector<Problem> Problems::sorted() const {
    std::vector<const Problem*> order;
    order.reserve(list_.size());
    for (const Problem& problem : list_)
        order.push_back(&problem);
    // Of one place, in the order of the report, which is the order of addresses.
    std::sort(order.begin(), order.end(), [](const Problem* a, const Problem* b) {
        return std::tie(a->place.file, a->place.line, a->place.column, a) <
               std::tie(b->place.file, b->place.line, b->place.column, b);
    });
    std::vector<Problem> sorted;
    sorted.reserve(order.size());
    for (const Problem* problem : order)
        sorted.push_back(*problem);
    return sorted;
}

std::string Problems::text() const {
    std::string out;
    for (const Problem& problem : sorted())
        out += problem.text() + '\n';
    if (unlisted_ > 0) out += "and " + std::to_string(unlisted_) + " more\n";
    return out;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
    if (word.empty() || word.size() > kWordBytesMax) return "";
    std::string best;
    std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string& candidate : known) {
        if (candidate.size() > kWordBytesMax) continue;
        const std::size_t d = distance(word, candidate);
        if (d >= least || d >= candidate.size()) continue;
        least = d;
        best = candidate;
    }
    return best;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
    const std::string best = did_you_mean(word, known);
    return best.empty() ? "" : "; did you mean '" + best + "'?";
}

std::string quoted(const std::string& raw) {
    std::string escaped;
    append_json_string(text::cut(raw, kQuotedBytesMax), escaped);
    std::string out = "'";
    // The inside of the JSON string; a double quote needs no backslash between single ones.
    for (std::size_t i = 1; i + 1 < escaped.size(); ++i) {
        if (escaped[i] == '\\' && escaped[i + 1] == '"') continue;
        if (escaped[i] == '\\') out += escaped[i++];
        out += escaped[i];
    }
    if (raw.size() > kQuotedBytesMax) out += "...";
    return out + '\'';
}

}  // namespace penstock::config

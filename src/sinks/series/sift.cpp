#include "sinks/series/sift.h"

#include "base/text.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace penstock::sinks {

namespace {

using Group = std::vector<std::uint32_t>;

/// Calls `visit` with what stands between each `open` and the `close` behind it.
template <class Visit>
void each_between(
    std::string_view text, std::string_view open, std::string_view close, Visit visit
) {
    for (std::size_t at = 0; (at = text.find(open, at)) != std::string_view::npos;) {
        at += open.size();
        const std::size_t end = text.find(close, at);
        if (end == std::string_view::npos) return;
        visit(text.substr(at, end - at));
        at = end;
    }
}

std::string escaped_key(std::string_view name) {
    std::string key;
    for (const char c : name) {
        if (c == ',' || c == '=' || c == ' ') key += '\\';
        key += c;
    }
    return key + '=';
}

/// Whether a value is written as InfluxDB's type of that name; so it is for types of other servers.
bool is_type(std::string_view value, std::string_view type) {
    const bool text = value.starts_with('"');
    const bool truth = value.starts_with('t') || value.starts_with('f');
    const bool whole = value.substr(0, value.find_first_of(", ")).ends_with('i');
    if (type == "string") return text;
    if (type == "boolean") return truth;
    if (type == "integer") return !text && whole;
    if (type == "float") return !text && !truth && !whole;
    return true;
}

bool has_field(std::string_view line, const std::string& key, std::string_view type) {
    for (std::size_t at = 0; (at = line.find(key, at)) != std::string_view::npos; ++at) {
        const bool begins = at > 0 && (line[at - 1] == ',' || line[at - 1] == ' ');
        if (begins && is_type(line.substr(at + key.size()), type)) return true;
    }
    return false;
}

/// `input field "steps" on measurement "m" is type float, already exists as type integer`
Group with_field(const LineBatch& batch, const Group& group, std::string_view text) {
    Group found;
    each_between(text, "input field \"", ", already exists", [&](std::string_view said) {
        const std::size_t end = said.find("\" on measurement");
        const std::size_t type = said.rfind(" is type ");
        if (end == std::string_view::npos || type == std::string_view::npos) return;
        const std::string key = escaped_key(said.substr(0, end));
        for (const std::uint32_t line : group) {
            if (has_field(batch.text(line), key, said.substr(type + 9))) found.push_back(line);
        }
    });
    return found;
}

/// `unable to parse 'm,a=b x=1': reason`
Group quoted(const LineBatch& batch, const Group& group, std::string_view text) {
    Group found;
    each_between(text, "unable to parse '", "':", [&](std::string_view line) {
        for (const std::uint32_t candidate : group) {
            const std::string_view own = batch.text(candidate);
            if (own.substr(0, own.size() - 1) == line) found.push_back(candidate);
        }
    });
    return found;
}

/// `error in line 3`, `"line": 3`, `"line_number":3`; they count from 1.
Group numbered(const Group& group, std::string_view text) {
    Group found;
    for (const std::string_view mark : {"error in line ", "\"line\":", "\"line_number\":"}) {
        for (std::size_t at = 0; (at = text.find(mark, at)) != std::string_view::npos;) {
            at = std::min(text.find_first_not_of(' ', at + mark.size()), text.size());
            const std::size_t end = std::min(text.find_first_not_of("0123456789", at), text.size());
            const auto number = text::parse_uint(text.substr(at, end - at));
            if (number && *number >= 1 && *number <= group.size())
                found.push_back(group[*number - 1]);
        }
    }
    return found;
}

/// `points beyond retention policy dropped=2`
Group oldest(const LineBatch& batch, const Group& group, const WriteAnswer& answer) {
    if (answer.text.find("beyond retention policy") == std::string::npos) return {};
    Group sorted = group;
    std::sort(sorted.begin(), sorted.end(), [&batch](std::uint32_t a, std::uint32_t b) {
        return std::pair(batch.lines[a].time, a) < std::pair(batch.lines[b].time, b);
    });
    sorted.resize(std::min<std::uint64_t>(answer.dropped.value_or(0), sorted.size()));
    return sorted;
}

Group suspects_of(const LineBatch& batch, const Group& group, const WriteAnswer& answer) {
    Group found = oldest(batch, group, answer);
    for (const Group& more :
         {quoted(batch, group, answer.text),
          numbered(group, answer.text),
          with_field(batch, group, answer.text)}) {
        found.insert(found.end(), more.begin(), more.end());
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

}  // namespace

Sift::Sift(LineBatch batch) : batch_(std::move(batch)) {
    if (batch_.lines.empty()) return;
    Group all(batch_.lines.size());
    std::iota(all.begin(), all.end(), 0U);
    groups_.push_back(std::move(all));
}

std::string_view Sift::body() {
    if (lines() == batch_.lines.size()) return batch_.body;
    part_.clear();
    for (const std::uint32_t line : groups_.front())
        part_ += batch_.text(line);
    return part_;
}

void Sift::confirmed() {
    groups_.pop_front();
}

void Sift::keep_only(const std::vector<std::size_t>& lines) {
    const Group group = std::move(groups_.front());
    groups_.pop_front();
    if (lines.empty()) return;
    Group kept;
    kept.reserve(lines.size());
    for (const std::size_t line : lines)
        kept.push_back(group[line]);
    groups_.push_front(std::move(kept));
}

std::vector<RefusedRecord> Sift::complained(const WriteAnswer& answer) {
    const bool all_dropped = answer.dropped && *answer.dropped == lines();
    if (lines() == 1 || all_dropped) return refuse(answer.reason);
    const bool size = answer.verdict == WriteVerdict::too_large;
    split(size ? Group{} : suspects_of(batch_, groups_.front(), answer));
    return {};
}

std::vector<RefusedRecord> Sift::refuse(const std::string& reason) {
    std::vector<RefusedRecord> refused;
    for (const std::uint32_t line : groups_.front())
        refused.push_back({batch_.lines[line].lsn, reason});
    groups_.pop_front();
    return refused;
}

/// The rest first, the suspects behind it; in halves when there are none, or nobody else.
void Sift::split(Group suspects) {
    const Group group = std::move(groups_.front());
    groups_.pop_front();
    Group first;
    if (suspects.empty() || suspects.size() == group.size()) {
        const auto middle = group.begin() + static_cast<std::ptrdiff_t>(group.size() / 2);
        first.assign(group.begin(), middle);
        suspects.assign(middle, group.end());
    } else {
        std::set_difference(
            group.begin(), group.end(), suspects.begin(), suspects.end(), std::back_inserter(first)
        );
    }
    groups_.push_front(std::move(suspects));
    groups_.push_front(std::move(first));
}

}  // namespace penstock::sinks

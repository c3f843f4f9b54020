#include "api/query.h"

#include "base/iso_time.h"
#include "base/json_text.h"
#include "base/text.h"
#include "config/units.h"

#include <algorithm>
#include <vector>

namespace penstock::api {
namespace {

constexpr std::uint32_t kLimitMax = 10'000;
constexpr std::uint32_t kLimitDefault = 100;
constexpr std::size_t kFieldsMax = 100;
constexpr std::size_t kPageBytes = std::size_t{16} << 20;

std::optional<std::uint32_t> limit_of(const Target& target) {
    const std::string* const text = target.find("limit");
    if (text == nullptr) return kLimitDefault;
    const auto value = text::parse_uint(*text);
    if (!value || *value < 1 || *value > kLimitMax) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
}

Answer bad(std::string_view message) {
    return problem(400, "bad_parameter", message);
}

std::optional<Answer> strange(const Target& target, const std::vector<std::string_view>& known) {
    const std::string_view name = target.strange_parameter(known);
    if (name.empty() && target.find("") == nullptr) return std::nullopt;
    std::string message =
        "parameter '" + std::string(name) + "' stands twice or is not known here;";
    for (const std::string_view each : known)
        message += " " + std::string(each);
    return bad(message);
}

void append_next(const std::string& next, std::string& out) {
    out += "],\"next\":";
    if (next.empty()) {
        out += "null";
    } else {
        append_json_string(next, out);
    }
    out += "}\n";
}

void append_time(std::string_view name, Nanoseconds wall, std::string& out) {
    out += name;
    append_iso_time(wall, out);
    out += '"';
}

/// The names of a list, each once; at most one more than may be asked for.
std::vector<std::string_view> names_in(std::string_view list) {
    std::vector<std::string_view> names;
    while (!list.empty() && names.size() <= kFieldsMax) {
        const std::size_t end = std::min(list.find(','), list.size());
        const std::string_view name = list.substr(0, end);
        if (end != 0 && std::ranges::find(names, name) == names.end()) names.push_back(name);
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return names;
}

void append_field(const Field& field, std::string& out) {
    if (field.type == FieldType::string && !field.escaped)
        return append_json_string(field.text, out);
    const bool quoted = field.type == FieldType::string;
    if (quoted) out += '"';
    out += field.text;
    if (quoted) out += '"';
}

void append_selected(
    const StoredRecord& stored, const std::vector<std::string_view>& names, std::string& out
) {
    const RecordView& record = stored.record;
    append_time("{\"eventTime\":\"", record.event_time(), out);
    out += ",\"lsn\":";
    append_json_number(stored.lsn.value, out);
    out += ",\"stream\":";
    append_json_string(record.stream(), out);
    out += ",\"status\":";
    append_json_string(record.status(), out);
    if (const auto score = record.score()) {
        out += ",\"score\":";
        append_json_number(score->value, out);
    }
    out += ",\"fields\":{";
    for (const std::string_view name : names) {
        const auto field = record.find(name);
        if (!field) continue;
        if (out.back() != '{') out += ',';
        append_json_string(name, out);
        out += ':';
        append_field(*field, out);
    }
    out += "}}";
}

/// What `history` was asked for.
struct HistoryRequest {
    HistoryQuery query;
    std::vector<std::string_view> fields;
    bool selected = false;
};

/// Fills the request; otherwise says what is wrong.
std::string_view read_request(
    const std::string& device, const Target& target, Nanoseconds now, HistoryRequest& request
) {
    const auto limit = limit_of(target);
    if (!limit) return "limit must be 1 to 10000";
    request.query.device = device;
    request.query.limit = *limit;
    if (const auto* stream = target.find("stream")) request.query.stream = *stream;
    if (const auto* after = target.find("after")) request.query.after = *after;
    for (const auto& [name, bound] :
         {std::pair{"from", &request.query.from}, std::pair{"to", &request.query.to}}) {
        const auto* const text = target.find(name);
        if (text == nullptr) continue;
        const auto when = parse_when(*text, now);
        if (!when)
            return "from and to must be ISO 8601 times, integers since 1970, or spans such as -15m";
        *bound = *when;
    }
    if (request.query.from > request.query.to) return "from is later than to";
    if (const auto* fields = target.find("fields")) {
        request.selected = true;
        request.fields = names_in(*fields);
        if (request.fields.empty() || request.fields.size() > kFieldsMax)
            return "fields must be 1 to 100 names, with commas between them";
    }
    return {};
}

}  // namespace

std::optional<Nanoseconds> parse_when(std::string_view text, Nanoseconds now) {
    if (const auto number = text::parse_int(text)) {
        const std::int64_t size = *number < 0 ? -(*number + 1) : *number;
        Nanoseconds unit = kSecond;
        if (size >= 100'000'000'000) unit = kMillisecond;
        if (size >= 100'000'000'000'000) unit = kMicrosecond;
        if (size >= 100'000'000'000'000'000) unit = 1;
        Nanoseconds wall = 0;
        if (__builtin_mul_overflow(*number, unit, &wall)) return std::nullopt;
        return wall;
    }
    if (text.starts_with('-')) {
        const auto span = config::parse_duration(text.substr(1));
        if (!span.ok()) return std::nullopt;
        return now - span->count();
    }
    return parse_iso_time(text);
}

Query::Query(History& history, const JournalId& journal, const Clock& clock)
    : history_(history), json_(journal), clock_(clock) {}

Answer Query::devices(const Target& target) const {
    if (auto wrong = strange(target, {"after", "limit"})) return *wrong;
    const auto limit = limit_of(target);
    if (!limit) return bad("limit must be 1 to 10000");
    const std::string* const after = target.find("after");
    const auto page = history_.devices(after == nullptr ? std::string_view{} : *after, *limit);
    if (!page.ok()) return problem(page.error());
    Answer answer;
    std::string& out = answer.body;
    out = "{\"devices\":[";
    for (const DeviceSummary& device : page->devices) {
        if (out.back() != '[') out += ',';
        out += "{\"device\":";
        append_json_string(device.device, out);
        out += ",\"stream\":";
        append_json_string(device.stream, out);
        append_time(",\"lastEventTime\":\"", device.last_event_time, out);
        out += ",\"lastLsn\":";
        append_json_number(device.last_lsn.value, out);
        out += ",\"records\":";
        append_json_number(device.records, out);
        out += '}';
    }
    append_next(page->next, out);
    return answer;
}

Answer Query::latest(const std::string& device) const {
    const auto stored = history_.latest(device);
    if (!stored.ok()) return problem(stored.error());
    Answer answer;
    json_.append(stored->lsn, stored->record, answer.body);
    answer.body += '\n';
    return answer;
}

Answer Query::history(const std::string& device, const Target& target) const {
    if (auto wrong = strange(target, {"from", "to", "fields", "limit", "after", "stream"}))
        return *wrong;
    HistoryRequest request;
    const auto wrong = read_request(device, target, clock_.wall(), request);
    if (!wrong.empty()) return bad(wrong);
    Answer answer;
    std::string& out = answer.body;
    while (true) {
        const auto page = history_.query(request.query);
        if (!page.ok()) return problem(page.error());
        out = "{\"device\":";
        append_json_string(device, out);
        out += ",\"records\":[";
        std::uint32_t count = 0;
        for (const StoredRecord& stored : page->records) {
            if (count != 0 && out.size() > kPageBytes) break;
            if (count++ != 0) out += ',';
            if (request.selected) {
                append_selected(stored, request.fields, out);
            } else {
                json_.append(stored.lsn, stored.record, out);
            }
        }
        if (count == page->records.size()) {
            append_next(page->next, out);
            return answer;
        }
        request.query.limit =
            count;  // the page is full by bytes: asked again, it ends where it has to
    }
}

}  // namespace penstock::api

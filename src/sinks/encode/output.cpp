#include "sinks/encode/output.h"

#include "base/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::sinks {
namespace {

constexpr std::string_view kOurs = "_penstock";

std::string key_text(std::string_view name) {
    std::string text;
    append_json_string(name, text);
    text += ':';
    return text;
}

std::vector<std::string> segments(std::string_view name) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t dot = name.find('.');
        parts.emplace_back(name.substr(0, dot));
        if (dot == std::string_view::npos) return parts;
        name.remove_prefix(dot + 1);
    }
}

std::size_t common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return static_cast<std::size_t>(end.first - a.begin());
}

void separate(std::string& out) {
    if (out.back() != '{') out += ',';
}

/// The fields of a record stand for the whole of its payload.
bool has_fields(const RecordView& record) {
    if (record.quarantined()) return false;
    const std::size_t first = record.payload().find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && record.payload()[first] == '{';
}

}  // namespace

OutputEncoder::OutputEncoder(const OutputConfig& config, const JournalId& journal)
    : form_(config.format), journal_(journal.text()), json_(journal), rename_(config.rename) {
    for (const std::string& field : config.fields) {
        auto name = RecordName::parse(field);
        if (!name) continue;
        const std::string* other = config.rename.find(field);
        const std::string& to = other == nullptr ? field : *other;
        std::vector<std::string> groups;
        if (form_ == OutputForm::nested) groups = segments(to);
        const std::string last = groups.empty() ? to : groups.back();
        if (!groups.empty()) groups.pop_back();
        for (std::string& group : groups)
            group = key_text(group) + '{';
        Chosen chosen{*std::move(name), key_text(last), std::move(groups)};
        // Behind the last of those that it shares most groups with: each group stands once.
        auto place = chosen_.end();
        std::size_t most = 0;
        for (auto it = chosen_.begin(); it != chosen_.end(); ++it) {
            const std::size_t shared = common(it->groups, chosen.groups);
            if (shared == 0 || shared < most) continue;
            most = shared;
            place = std::next(it);
        }
        chosen_.insert(place, std::move(chosen));
    }
}

void OutputEncoder::append(Lsn lsn, const RecordView& record, std::string& out) const {
    if (form_ == OutputForm::raw) {
        out += record.payload();
    } else if (form_ == OutputForm::enriched || !has_fields(record)) {
        json_.append(lsn, record, out);
    } else if (chosen_.empty()) {
        append_all(lsn, record, out);
    } else {
        append_chosen(lsn, record, out);
    }
}

void OutputEncoder::append_chosen(Lsn lsn, const RecordView& record, std::string& out) const {
    out += '{';
    const std::vector<std::string> none;
    const std::vector<std::string>* open = &none;
    for (const Chosen& chosen : chosen_) {
        const std::size_t mark = out.size();
        const std::size_t shared = common(*open, chosen.groups);
        out.append(open->size() - shared, '}');
        for (std::size_t i = shared; i < chosen.groups.size(); ++i) {
            separate(out);
            out += chosen.groups[i];
        }
        separate(out);
        out += chosen.key;
        if (chosen.name.append_json(journal_, lsn, record, out)) {
            open = &chosen.groups;
        } else {
            out.resize(mark);
        }
    }
    out.append(open->size() + 1, '}');
}

void OutputEncoder::append_key(std::string_view name, std::string& out) const {
    separate(out);
    const std::string* other = rename_.empty() ? nullptr : rename_.find(name);
    append_json_string(other == nullptr ? name : std::string_view(*other), out);
    out += ':';
}

void OutputEncoder::append_all(Lsn lsn, const RecordView& record, std::string& out) const {
    static const auto added = [] {
        std::vector<RecordName> names;
        for (const std::string_view name : kAddedNames)
            names.push_back(*RecordName::parse(name));
        return names;
    }();
    out += '{';
    bool status = false;
    bool score = false;
    const FieldTable fields = record.fields();
    for (std::uint16_t i = 0; i < fields.size(); ++i) {
        const Field field = fields[i];
        status |= field.name == kAddedNames[0];
        score |= field.name == kAddedNames[1];
        if (field.name.starts_with(kOurs)) {
            separate(out);
            append_json_string("payload." + std::string(field.name), out);
            out += ':';
        } else {
            append_key(field.name, out);
        }
        append_json_value(field, out);
    }
    for (const RecordName& name : added) {
        const bool given =
            (status && name.text() == kAddedNames[0]) || (score && name.text() == kAddedNames[1]);
        if (given) continue;
        const std::size_t mark = out.size();
        append_key(name.text(), out);
        if (!name.append_json(journal_, lsn, record, out)) out.resize(mark);
    }
    out += '}';
}

}  // namespace penstock::sinks

namespace penstock::config {

using sinks::OutputConfig;
using sinks::OutputForm;

namespace {

/// Two output names that cannot stand in one object.
bool clash(const std::string& a, const std::string& b, bool nested) {
    if (a == b) return true;
    return nested && (a.starts_with(b + '.') || b.starts_with(a + '.'));
}

void check_names(const OutputConfig& c, const Origin& where, Problems& problems) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < c.fields.size(); ++i) {
        const auto at = where.at("fields[" + std::to_string(i) + "]");
        if (!sinks::RecordName::parse(c.fields[i])) {
            problems.error(at, "Penstock knows no '" + c.fields[i] + "' of a record");
        }
        const std::string* other_name = c.rename.find(c.fields[i]);
        const std::string& name = other_name == nullptr ? c.fields[i] : *other_name;
        for (const std::string& other : names) {
            if (!clash(name, other, c.format == OutputForm::nested)) continue;
            problems.error(
                at, fmt::format("'{}' and '{}' cannot stand in one object", name, other)
            );
        }
        names.push_back(name);
    }
    for (const auto& [from, to] : c.rename) {
        const bool chosen =
            c.fields.empty() || std::find(c.fields.begin(), c.fields.end(), from) != c.fields.end();
        if (!chosen) problems.error(where.at("rename." + from), "is not among 'fields'");
    }
}

}  // namespace

Table<OutputConfig> Fields<OutputConfig>::table() {
    using C = OutputConfig;
    return {
        field(
            "format",
            &C::format,
            "enriched: what the device sent and what Penstock adds, as JSON. raw: the payload as "
            "received. flat: JSON without objects in it, names of nested fields have dots. nested: "
            "chosen fields, names with dots become objects.",
            one_of<OutputForm>(
                {{"enriched", OutputForm::enriched},
                 {"raw", OutputForm::raw},
                 {"flat", OutputForm::flat},
                 {"nested", OutputForm::nested}}
            )
        ),
        field(
            "fields",
            &C::fields,
            "Only these fields, in this order (flat and nested): fields of the payload, derived "
            "ones, status, score, _penstock.device and its like. Empty: all (flat).",
            max_items(1024)
        ),
        field(
            "rename",
            &C::rename,
            "Other names for fields (flat and nested): field name to name in the message.",
            max_items(1024)
        ),
    };
}

void Fields<OutputConfig>::check(const OutputConfig& c, const Origin& where, Problems& problems) {
    const bool whole = c.format == OutputForm::enriched || c.format == OutputForm::raw;
    if (whole && !c.fields.empty()) {
        problems.error(where.at("fields"), "'fields' needs 'format: flat' or 'nested'");
    }
    if (whole && !c.rename.empty()) {
        problems.error(where.at("rename"), "'rename' needs 'format: flat' or 'nested'");
    }
    if (c.format == OutputForm::nested && c.fields.empty()) {
        problems.error(where.at("format"), "nested needs 'fields'; enriched keeps all as it came");
    }
    check_names(c, where, problems);
}

}  // namespace penstock::config

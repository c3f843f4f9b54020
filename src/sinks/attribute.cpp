#include "sinks/attribute.h"

#include "base/iso_time.h"
#include "base/json_text.h"
#include "base/record_json.h"

#include <array>
#include <utility>

namespace penstock::sinks {
namespace {

using expression::Value;

constexpr std::string_view kOurs = "_penstock";
constexpr std::array<std::pair<std::string_view, Attribute>, 16> kNames{{
    {"_penstock.journal", Attribute::journal},
    {"_penstock.lsn", Attribute::lsn},
    {"_penstock.stream", Attribute::stream},
    {"_penstock.device", Attribute::device},
    {"_penstock.client", Attribute::client},
    {"_penstock.source", Attribute::source},
    {"_penstock.topic", Attribute::topic},
    {"_penstock.sequence", Attribute::sequence},
    {"_penstock.eventTime", Attribute::event_time},
    {"_penstock.receivedAt", Attribute::received_at},
    {"_penstock.status", Attribute::status},
    {"_penstock.score", Attribute::score},
    {"_penstock.reason", Attribute::reason},
    {"status", Attribute::status},
    {"score", Attribute::score},
    {"processedAt", Attribute::received_at},
}};

/// The attributes that are texts; empty: the record has none.
std::string_view text_of(Attribute attribute, const RecordView& record) {
    switch (attribute) {
        case Attribute::stream:
            return record.stream();
        case Attribute::device:
            return record.device();
        case Attribute::client:
            return record.client();
        case Attribute::source:
            return source_name(record.source());
        case Attribute::topic:
            return record.topic();
        case Attribute::status:
            return record.status();
        case Attribute::reason:
            return record.reason();
        default:
            return {};
    }
}

Value number(double value) {
    return Value::of(value);
}

/// Whole microseconds: a time written with up to six digits is equal to the same time.
Value seconds(Nanoseconds time) {
    const std::int64_t microseconds = time / kMicrosecond;
    return Value::of(static_cast<double>(microseconds) / 1e6);
}

Value attribute_value(Attribute attribute, Lsn lsn, const RecordView& record) {
    switch (attribute) {
        case Attribute::lsn:
            return number(static_cast<double>(lsn.value));
        case Attribute::sequence:
            if (const auto sequence = record.sequence())
                return number(static_cast<double>(*sequence));
            return {};
        case Attribute::event_time:
            return seconds(record.event_time());
        case Attribute::received_at:
            return seconds(record.arrival_time());
        case Attribute::score:
            if (const auto score = record.score()) return number(score->value);
            return {};
        default:
            break;
    }
    const std::string_view text = text_of(attribute, record);
    return text.empty() ? Value{} : Value::of(text);
}

void append_time(Nanoseconds time, std::string& out) {
    out += '"';
    append_iso_time(time, out);
    out += '"';
}

bool append_attribute(
    Attribute attribute,
    const std::string& journal,
    Lsn lsn,
    const RecordView& record,
    std::string& out
) {
    switch (attribute) {
        case Attribute::journal:
            append_json_string(journal, out);
            return true;
        case Attribute::lsn:
            append_json_number(lsn.value, out);
            return true;
        case Attribute::sequence:
            if (const auto sequence = record.sequence()) append_json_number(*sequence, out);
            return record.sequence().has_value();
        case Attribute::event_time:
            append_time(record.event_time(), out);
            return true;
        case Attribute::received_at:
            append_time(record.arrival_time(), out);
            return true;
        case Attribute::score:
            if (const auto score = record.score()) append_json_number(score->value, out);
            return record.score().has_value();
        default:
            break;
    }
    const std::string_view text = text_of(attribute, record);
    if (!text.empty()) append_json_string(text, out);
    return !text.empty();
}

Value field_value(const Field& field, std::string& scratch) {
    switch (field.type) {
        case FieldType::boolean:
            return Value::of(field.text == "true");
        case FieldType::integer:
        case FieldType::number:
            if (const auto value = field.number()) return number(*value);
            break;
        case FieldType::string:
            if (!field.escaped) return Value::of(field.text);
            scratch.clear();
            append_unescaped(field, scratch);
            return Value::of(std::string_view(scratch));
        case FieldType::null:
            return {};
        case FieldType::json:
            break;
    }
    Value there;
    there.present = true;
    return there;
}

void append_field_text(const Field& field, std::string& out) {
    if (field.type == FieldType::string && field.escaped) {
        append_unescaped(field, out);
    } else {
        out += field.text;
    }
}

}  // namespace

std::optional<RecordName> RecordName::parse(std::string_view name) {
    for (const auto& [text, attribute] : kNames) {
        if (text == name) return RecordName(name, attribute);
    }
    if (name.starts_with(kOurs)) return std::nullopt;
    return RecordName(name, std::nullopt);
}

bool RecordName::append_json(
    const std::string& journal, Lsn lsn, const RecordView& record, std::string& out
) const {
    if (field_) {
        if (const auto field = record.find(name_)) {
            append_json_value(*field, out);
            return true;
        }
    }
    return attribute_ && append_attribute(*attribute_, journal, lsn, record, out);
}

bool RecordName::append_text(
    const std::string& journal, Lsn lsn, const RecordView& record, std::string& out
) const {
    if (field_) {
        if (const auto field = record.find(name_)) {
            append_field_text(*field, out);
            return true;
        }
    }
    if (!attribute_) return false;
    if (const std::string_view text = text_of(*attribute_, record); !text.empty()) {
        out += text;
        return true;
    }
    const std::size_t begin = out.size();
    const bool there = append_attribute(*attribute_, journal, lsn, record, out);
    if (there && out[begin] == '"') {  // a time or the journal: no escapes inside
        out.pop_back();
        out.erase(begin, 1);
    }
    return there;
}

Value RecordName::value(Lsn lsn, const RecordView& record, std::string& scratch) const {
    if (field_) {
        if (const auto field = record.find(name_)) return field_value(*field, scratch);
    }
    return attribute_ ? attribute_value(*attribute_, lsn, record) : Value{};
}

}  // namespace penstock::sinks

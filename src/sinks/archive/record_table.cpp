#include "sinks/archive/record_table.h"

#include "base/iso_time.h"
#include "base/json_text.h"
#include "base/record_json.h"
#include "base/text.h"
#include "sinks/archive/exact_number.h"

namespace penstock::sinks {

namespace {

constexpr Nanoseconds kMicrosecond = 1000;
constexpr std::string_view kOurs = "_penstock";
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// Rounded down, before 1970 too.
std::int64_t microseconds(Nanoseconds time) noexcept {
    return time / kMicrosecond - (time % kMicrosecond < 0 ? 1 : 0);
}

/// UTF-8, each byte that is none replaced.
void append_repaired(std::string_view text, std::string& out) {
    while (!text.empty()) {
        std::size_t size = 1;
        const auto byte = static_cast<unsigned char>(text.front());
        if (byte >= 0xc0) size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
        const std::string_view character = text.substr(0, size);
        const bool good = character.size() == size && valid_utf8(character);
        out += good ? character : kReplacement;
        text.remove_prefix(good ? size : 1);
    }
}

}  // namespace

RecordTable::RecordTable(const JournalId& journal, const std::vector<DeclaredField>& fields)
    : journal_(journal.text()),
      file_(table_schema(fields), {{"penstock.journal", journal.text()}}) {
    fields_.reserve(fields.size());
    for (const DeclaredField& field : fields)
        fields_.push_back({field.name, field.type});
    for (std::size_t i = 0; i < fields_.size(); ++i)
        places_.emplace(fields_[i].name, i);
}

void RecordTable::append(Lsn lsn, const RecordView& record, ZstdWriter& zstd) {
    rest_.clear();
    append_identity(lsn, record);
    append_times(record);
    append_verdict(record);
    if (record.quarantined() || !append_fields(record))
        own(OwnColumn::payload).add(record.payload());
    if (!rest_.empty()) {
        rest_ += '}';
        own(OwnColumn::rest).add(std::string_view(rest_));
    }
    file_.end_row(zstd);
}

/// Begins a member of `rest`.
std::string& RecordTable::rest(std::string_view name) {
    rest_ += rest_.empty() ? '{' : ',';
    append_json_string(name, rest_);
    rest_ += ':';
    return rest_;
}

void RecordTable::append_text(OwnColumn column, std::string_view name, std::string_view text) {
    if (valid_utf8(text)) return own(column).add(text);
    text_.clear();
    append_repaired(text, text_);
    own(column).add(std::string_view(text_));
    text_.assign(1, '"');
    text::append_percent_encoded(text_, text);
    text_ += '"';
    rest("_penstock." + std::string(name)) += text_;
}

void RecordTable::append_identity(Lsn lsn, const RecordView& record) {
    own(OwnColumn::journal).add(std::string_view(journal_));
    own(OwnColumn::lsn).add(static_cast<std::int64_t>(lsn.value));
    append_text(OwnColumn::stream, "stream", record.stream());
    append_text(OwnColumn::device, "device", record.device());
    if (record.client() != record.device())
        append_text(OwnColumn::client, "client", record.client());
    if (!record.topic().empty()) append_text(OwnColumn::topic, "topic", record.topic());
    own(OwnColumn::source).add(source_name(record.source()));
    own(OwnColumn::retain).add((record.flags() & kRetain) != 0);
    own(OwnColumn::duplicate).add((record.flags() & kDuplicate) != 0);
    const auto sequence = record.sequence();
    if (!sequence) return;
    if (*sequence <= INT64_MAX) {
        own(OwnColumn::sequence).add(static_cast<std::int64_t>(*sequence));
    } else {
        append_json_number(*sequence, rest("_penstock.sequence"));
    }
}

void RecordTable::append_times(const RecordView& record) {
    const bool replaced = (record.flags() & kEventTimeReplaced) != 0;
    own(OwnColumn::event_time).add(microseconds(record.event_time()));
    own(OwnColumn::event_time_replaced).add(replaced);
    own(OwnColumn::received_at).add(microseconds(record.arrival_time()));
    if (record.event_time() % kMicrosecond == 0 || replaced) return;
    std::string& out = rest("_penstock.eventTime");
    out += '"';
    append_iso_time(record.event_time(), out);
    out += '"';
}

void RecordTable::append_verdict(const RecordView& record) {
    own(OwnColumn::quarantined).add(record.quarantined());
    if (!record.status().empty()) append_text(OwnColumn::status, "status", record.status());
    if (!record.reason().empty()) append_text(OwnColumn::reason, "reason", record.reason());
    const auto score = record.score();
    if (!score) return;
    own(OwnColumn::score).add(score->value);
    if (score->field >= record.field_count()) return;
    append_text(OwnColumn::score_field, "scoreField", record.field(score->field).name);
    own(OwnColumn::expected).add(static_cast<double>(score->expected));
    own(OwnColumn::deviation).add(static_cast<double>(score->deviation));
}

/// The records of a stream mostly have the same fields in the same order.
std::optional<std::size_t> RecordTable::place_of(std::uint16_t i, std::string_view name) {
    if (i < guesses_.size() && guesses_[i] < fields_.size() && fields_[guesses_[i]].name == name)
        return guesses_[i];
    const auto found = places_.find(name);
    if (found == places_.end()) return std::nullopt;
    if (guesses_.size() <= i) guesses_.resize(std::size_t{i} + 1, fields_.size());
    guesses_[i] = found->second;
    return found->second;
}

/// Puts the field into its column, if that can hold it.
bool RecordTable::fits(std::size_t place, const Field& field) {
    if (file_.has(kOwnColumns + place)) return false;
    parquet::ColumnBuffer& column = file_.column(kOwnColumns + place);
    switch (fields_[place].type) {
        case FieldType::boolean:
            if (field.type != FieldType::boolean) return false;
            column.add(field.text == "true");
            return true;
        case FieldType::integer: {
            const auto value =
                field.type == FieldType::integer ? text::parse_int(field.text) : std::nullopt;
            if (!value || field.text == "-0") return false;
            column.add(*value);
            return true;
        }
        case FieldType::number: {
            const bool number = field.type == FieldType::integer || field.type == FieldType::number;
            const auto value = number ? exact_number(field.text) : std::nullopt;
            if (!value) return false;
            column.add(*value);
            return true;
        }
        case FieldType::string:
            if (field.type != FieldType::string) return false;
            text_.clear();
            append_unescaped(field, text_);
            // A lone surrogate has no character.
            if (field.escaped && text_.find(kReplacement) != std::string::npos) return false;
            if (!valid_utf8(text_)) return false;
            column.add(std::string_view(text_));
            return true;
        case FieldType::null:
        case FieldType::json:
            break;
    }
    text_.clear();
    append_json_value(field, text_);
    column.add(std::string_view(text_));
    return true;
}

/// False: the payload has no fields of its own.
bool RecordTable::append_fields(const RecordView& record) {
    bool any = false;
    const std::uint16_t count = record.field_count();
    for (std::uint16_t i = 0; i < count; ++i) {
        const Field field = record.field(i);
        any |= !field.derived;
        const auto place = place_of(i, field.name);
        const bool repeated = place && file_.has(kOwnColumns + *place);
        if (place && fits(*place, field)) continue;
        text_.clear();
        if (field.derived && repeated) {
            text_ = "_penstock.derived.";
        } else if (field.name.starts_with(kOurs)) {
            text_ = "payload.";
        }
        text_ += field.name;
        append_json_value(field, rest(text_));
    }
    return any;
}

}  // namespace penstock::sinks

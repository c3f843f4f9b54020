#include "base/record_json.h"

#include "base/base64.h"
#include "base/iso_time.h"
#include "base/json_shape.h"
#include "base/json_text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace penstock {
namespace {

/// Names that are appended at the top. Bits of Taken; derived fields have the bits behind them.
constexpr std::array<std::string_view, 5> kOurs{
    "_penstock", "status", "score", "processedAt", "payload"
};
enum Bit : std::uint8_t { metadata, status, score, processed_at, payload, first_derived };
constexpr std::size_t kDerivedMax = 59;  // later derived fields stand in _penstock.derived only

/// Which of the names to append are the device's own.
using Taken = std::uint64_t;

constexpr Taken mask(std::size_t bit) noexcept {
    return Taken{1} << bit;
}

/// The record's derived fields.
class Derived {
public:
    explicit Derived(const RecordView& record)
        : fields_(record.fields()), first_(fields_.first_derived()) {}

    /// Calls `visit(field, number)` for each.
    template <class Visit>
    void each(Visit visit) const {
        std::size_t number = 0;
        for (std::uint16_t i = first_; i < fields_.size(); ++i) {
            const Field field = fields_[i];
            if (field.derived) visit(field, number++);
        }
    }

private:
    FieldTable fields_;
    std::uint16_t first_;
};

Taken bits_of(const Derived& derived, std::string_view name) {
    Taken bits = 0;
    switch (name.size()) {  // few names have the length of one of ours
        case 5:
        case 6:
        case 7:
        case 9:
        case 11:
            for (std::size_t i = 0; i < kOurs.size(); ++i) {
                if (kOurs[i] == name) bits |= mask(i);
            }
            break;
        default:
            break;
    }
    derived.each([&](const Field& field, std::size_t number) {
        if (number < kDerivedMax && field.name == name) bits |= mask(first_derived + number);
    });
    return bits;
}

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && json_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && json_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

Taken taken_by(const Derived& derived, std::string_view raw, bool escaped) {
    if (!escaped) return bits_of(derived, raw);
    std::string name;
    append_unescaped(
        Field{.name = {}, .text = raw, .type = FieldType::string, .escaped = true}, name
    );
    return bits_of(derived, name);
}

void append_on_one_line(std::string_view text, bool breaks, std::string& out) {
    const std::size_t from = out.size();
    out += text;
    if (!breaks) return;
    const auto is_break = [](char c) { return c == '\n' || c == '\r'; };
    std::replace_if(out.begin() + static_cast<std::ptrdiff_t>(from), out.end(), is_break, ' ');
}

}  // namespace

std::string_view source_name(Source source) noexcept {
    switch (source) {
        case Source::mqtt:
            return "mqtt";
        case Source::http:
            return "http";
        case Source::will:
            return "will";
    }
    return "unknown";
}

void append_json_value(const Field& field, std::string& out) {
    if (field.type != FieldType::string) {
        out += field.text;
    } else if (field.escaped) {
        out += '"';
        out += field.text;
        out += '"';
    } else {
        append_json_string(field.text, out);
    }
}

namespace {

/// One JSON object in the making. Keys are constants that need no escapes, but for those of name().
class Object {
public:
    Object(std::string& out, bool has_members) : out_(out), comma_(has_members) {}

    std::string& name(std::string_view name) {
        separate();
        append_json_string(name, out_);
        out_ += ':';
        return out_;
    }
    std::string& key(std::string_view key) {
        separate();
        out_ += '"';
        out_ += key;
        out_ += "\":";
        return out_;
    }
    void text(std::string_view name, std::string_view value) {
        append_json_string(value, key(name));
    }
    void text_unless_empty(std::string_view name, std::string_view value) {
        if (!value.empty()) text(name, value);
    }
    template <class T>
    void number(std::string_view name, T value) {
        append_json_number(value, key(name));
    }
    void time(std::string_view name, Nanoseconds wall) {
        key(name) += '"';
        append_iso_time(wall, out_);
        out_ += '"';
    }
    void flag(std::string_view name, bool set) {
        if (set) key(name) += "true";
    }

private:
    void separate() {
        if (comma_) out_ += ',';
        comma_ = true;
    }

    std::string& out_;
    bool comma_;
};

bool at_top(Taken taken, std::size_t number) noexcept {
    return number < kDerivedMax && (taken & mask(first_derived + number)) == 0;
}

void append_score(const RecordView& record, Object& object) {
    const auto said = record.score();
    if (!said) return;
    object.number("score", said->value);
    if (said->field >= record.field_count()) return;
    object.text("scoreField", record.field(said->field).name);
    object.number("expected", static_cast<double>(said->expected));
    object.number("deviation", static_cast<double>(said->deviation));
}

/// The derived fields that had to give way.
void append_displaced(const Derived& derived, Taken taken, Object& object, std::string& out) {
    bool any = false;
    derived.each([&](const Field&, std::size_t number) { any |= !at_top(taken, number); });
    if (!any) return;
    object.key("derived") += '{';
    Object inner(out, false);
    derived.each([&](const Field& field, std::size_t number) {
        if (!at_top(taken, number)) append_json_value(field, inner.name(field.name));
    });
    out += '}';
}

void append_metadata_object(
    std::string_view journal,
    Lsn lsn,
    const RecordView& record,
    const Derived& derived,
    Taken taken,
    std::string& out
) {
    out += '{';
    Object object(out, false);
    object.text("journal", journal);
    object.number("lsn", lsn.value);
    object.text("stream", record.stream());
    object.text("device", record.device());
    if (record.client() != record.device()) object.text("client", record.client());
    object.text("source", source_name(record.source()));
    object.text_unless_empty("topic", record.topic());
    if (const auto sequence = record.sequence()) object.number("sequence", *sequence);
    object.time("eventTime", record.event_time());
    object.flag("eventTimeReplaced", (record.flags() & kEventTimeReplaced) != 0);
    object.time("receivedAt", record.arrival_time());
    object.text_unless_empty("status", record.status());
    append_score(record, object);
    object.flag("retain", (record.flags() & kRetain) != 0);
    object.flag("duplicate", (record.flags() & kDuplicate) != 0);
    object.flag("quarantined", record.quarantined());
    object.text_unless_empty("reason", record.reason());
    append_displaced(derived, taken, object, out);
    out += '}';
}

/// What stands behind the device's own members.
void append_ours(const RecordView& record, const Derived& derived, Taken taken, Object& object) {
    bool processed = (taken & mask(processed_at)) != 0;
    bool status_done = record.status().empty() || (taken & mask(status)) != 0;
    bool score_done = !record.score() || (taken & mask(score)) != 0;
    derived.each([&](const Field& field, std::size_t number) {
        if (!at_top(taken, number)) return;
        processed |= field.name == kOurs[processed_at];
        status_done |= field.name == kOurs[status];
        score_done |= field.name == kOurs[score];
        append_json_value(field, object.name(field.name));
    });
    if (!status_done) object.text(kOurs[status], record.status());
    if (!score_done) object.number(kOurs[score], record.score()->value);
    if (!processed) object.time(kOurs[processed_at], record.arrival_time());
}

/// Derived fields that would repeat one of our own two wrapper names.
Taken reserved_names(const Derived& derived) {
    Taken taken = 0;
    derived.each([&](const Field& field, std::size_t number) {
        const bool ours = field.name == kOurs[metadata] || field.name == kOurs[payload];
        if (ours && number < kDerivedMax) taken |= mask(first_derived + number);
    });
    return taken;
}

void append_untrusted(std::string_view bytes, std::string& out) {
    Object object(out, false);
    if (valid_utf8(bytes)) return object.text("payload", bytes);
    object.key("payloadBase64") += '"';
    append_base64(bytes, out);
    out += '"';
}

/// The device's part, its last bracket left open. Returns what it occupies.
Taken append_device_part(const RecordView& record, const Derived& derived, std::string& out) {
    const std::string_view text = trimmed(record.payload());
    Taken taken = 0;
    JsonShape shape;
    if (!record.quarantined()) {
        shape = json_shape(text, [&](std::string_view name, bool escaped) {
            taken |= taken_by(derived, name, escaped);
        });
    }
    const Taken reserved = reserved_names(derived);
    if (!shape.whole) {
        out += '{';
        append_untrusted(record.payload(), out);
        return reserved;
    }
    if (!shape.object || (taken & mask(metadata)) != 0) {
        out += "{\"payload\":";
        append_on_one_line(text, shape.breaks, out);
        return reserved;
    }
    append_on_one_line(trimmed(text.substr(0, text.size() - 1)), shape.breaks, out);
    return taken | reserved;
}

}  // namespace

RecordJson::RecordJson(const JournalId& journal) : journal_(journal.text()) {}

void RecordJson::append(Lsn lsn, const RecordView& record, std::string& out) const {
    const Derived derived(record);
    const Taken taken = append_device_part(record, derived, out);
    Object object(out, out.back() != '{');
    if (!record.quarantined()) append_ours(record, derived, taken, object);
    append_metadata_object(journal_, lsn, record, derived, taken, object.key(kOurs[metadata]));
    out += '}';
}

void RecordJson::append_metadata(Lsn lsn, const RecordView& record, std::string& out) const {
    append_metadata_object(journal_, lsn, record, Derived(record), ~Taken{0}, out);
}

}  // namespace penstock

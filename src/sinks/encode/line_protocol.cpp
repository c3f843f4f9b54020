#include "sinks/encode/line_protocol.h"

#include "base/json_text.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace penstock::sinks {

namespace {

/// What becomes of a byte. `look`: what follows decides (`%`, and what may be UTF-8).
enum class How : std::uint8_t { plain, backslash, percent, look };
using Table = std::array<How, 256>;

constexpr Table table_of(std::string_view backslash, std::string_view percent) {
    Table table{};
    for (std::size_t c = 0; c < 0x20; ++c)
        table[c] = How::percent;
    for (std::size_t c = 0x7f; c < 256; ++c)
        table[c] = c == 0x7f ? How::percent : How::look;
    table['%'] = How::look;
    for (const char c : backslash)
        table[static_cast<unsigned char>(c)] = How::backslash;
    for (const char c : percent)
        table[static_cast<unsigned char>(c)] = How::percent;
    return table;
}

constexpr Table kMeasurement = table_of(", ", "\"\\=");
constexpr Table kKey = table_of(",= ", "\"\\");
constexpr Table kString = table_of("\"\\", "");

bool hex_digit(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

void append_percent(char c, std::string& out) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
}

bool looks_coded(std::string_view text) noexcept {
    return text.size() > 2 && hex_digit(text[1]) && hex_digit(text[2]);
}

/// Length of the character beyond ASCII that `text` begins with; 0 when it is none.
std::size_t character_size(std::string_view text) noexcept {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return size <= text.size() && valid_utf8(text.substr(0, size)) ? size : 0;
}

/// Handles the special byte that `text` begins with; returns how many bytes are done.
std::size_t append_special(std::string_view text, How how, std::string& out) {
    const char c = text.front();
    if (how == How::backslash) {
        out += '\\';
        out += c;
        return 1;
    }
    const std::size_t whole = how == How::percent ? 0
                              : c != '%'          ? character_size(text)
                              : looks_coded(text) ? 0
                                                  : 1;
    if (whole == 0) {
        append_percent(c, out);
        return 1;
    }
    out += text.substr(0, whole);
    return whole;
}

void append_escaped(std::string_view text, const Table& table, std::string& out) {
    while (!text.empty()) {
        std::size_t run = 0;
        while (run < text.size() && table[static_cast<unsigned char>(text[run])] == How::plain)
            ++run;
        out += text.substr(0, run);
        text.remove_prefix(run);
        if (text.empty()) return;
        text.remove_prefix(
            append_special(text, table[static_cast<unsigned char>(text.front())], out)
        );
    }
}

using Names = config::OrderedMap<std::string>;

std::string_view field_name(const Names& rename, std::string_view name) noexcept {
    const std::string* other = rename.empty() ? nullptr : rename.find(name);
    if (other != nullptr) name = *other;
    if (name.empty()) return "_";
    return name == "time" ? "time_" : name;
}

/// Of a JSON number: no exponent, and too short to reach beyond the range of a double.
bool surely_finite(std::string_view number) noexcept {
    return number.size() <= std::numeric_limits<double>::max_exponent10 &&
           std::ranges::none_of(number, [](char c) { return c == 'e' || c == 'E'; });
}

std::string text_of(const Field& field) {
    std::string text;
    if (field.type == FieldType::string && field.escaped) {
        append_unescaped(field, text);
    } else {
        text = field.text;
    }
    return text;
}

/// The fields of one point in the making.
class FieldSet {
public:
    FieldSet(std::string& out, const LineFormat& format)
        : out_(out), rename_(format.rename), integers_(format.integers) {}

    /// Numbers and booleans; strings only when `any`. Others have no form in a point.
    void add(const Field& field, bool any) {
        switch (field.type) {
            case FieldType::boolean:
                key(field.name) += field.text;
                break;
            case FieldType::integer:
                key(field.name) += field.text;
                if (integers_) out_ += 'i';
                break;
            case FieldType::number:
                add_number(field);
                break;
            case FieldType::string:
            case FieldType::json:
                if (any) append_line_string(text_of(field), key(field.name));
                break;
            case FieldType::null:
                break;
        }
    }
    void add_score(double score) {
        if (std::isfinite(score)) key("score") += text::shortest(score);
    }
    [[nodiscard]] bool empty() const noexcept { return !any_; }
    [[nodiscard]] std::uint32_t left_out() const noexcept { return left_out_; }

private:
    void add_number(const Field& field) {
        if (!surely_finite(field.text)) {
            const auto value = field.number();
            if (!value || !std::isfinite(*value)) {
                ++left_out_;
                return;
            }
        }
        key(field.name) += field.text;
    }
    std::string& key(std::string_view name) {
        out_ += any_ ? ',' : ' ';
        any_ = true;
        append_line_key(field_name(rename_, name), out_);
        return out_ += '=';
    }

    std::string& out_;
    const Names& rename_;
    bool integers_;
    bool any_ = false;
    std::uint32_t left_out_ = 0;
};

std::int64_t floor_divided(std::int64_t value, std::int64_t by) noexcept {
    return value / by - (value % by < 0 ? 1 : 0);
}

std::int64_t in_unit(Nanoseconds time, TimePrecision precision) noexcept {
    switch (precision) {
        case TimePrecision::nanoseconds:
            break;
        case TimePrecision::microseconds:
            return floor_divided(time, kMicrosecond);
        case TimePrecision::milliseconds:
            return floor_divided(time, kMillisecond);
        case TimePrecision::seconds:
            return floor_divided(time, kSecond);
    }
    return time;
}

/// What stands for a tag: a view into the record, or into `scratch`.
std::string_view tag_value(const RecordView& record, std::string_view name, std::string& scratch) {
    if (name == "deviceId" || name == "device") return record.device();
    if (name == "client") return record.client();
    if (name == "status") return record.status();
    if (name == "stream") return record.stream();
    if (name == "topic") return record.topic();
    const auto field = record.find(name);
    if (!field || field->type == FieldType::null) return {};
    scratch = text_of(*field);
    return scratch;
}

}  // namespace

void append_line_measurement(std::string_view text, std::string& out) {
    if (text.starts_with('#')) {
        append_percent('#', out);
        text.remove_prefix(1);
    }
    append_escaped(text, kMeasurement, out);
}

void append_line_key(std::string_view text, std::string& out) {
    append_escaped(text, kKey, out);
}

void append_line_string(std::string_view text, std::string& out) {
    out += '"';
    append_escaped(text, kString, out);
    out += '"';
}

Nanoseconds point_time(Lsn lsn, Nanoseconds event_time, bool tie_break) noexcept {
    if (!tie_break) return event_time;
    for (const Nanoseconds unit : {kMillisecond, kMicrosecond}) {
        if (event_time % unit != 0) continue;
        return event_time + static_cast<Nanoseconds>(lsn.value % static_cast<std::uint64_t>(unit));
    }
    return event_time;
}

LineEncoder::LineEncoder(LineFormat format) : format_(std::move(format)) {
    append_line_measurement(format_.measurement, measurement_);
    for (const std::string& name : format_.tags) {
        Tag tag{name, {}};
        append_line_key(field_name(format_.rename, name), tag.key);
        tags_.push_back(std::move(tag));
    }
    std::sort(tags_.begin(), tags_.end(), [](const Tag& a, const Tag& b) { return a.key < b.key; });
}

bool LineEncoder::is_tag(std::string_view name) const noexcept {
    return std::any_of(tags_.begin(), tags_.end(), [name](const Tag& tag) {
        return tag.name == name;
    });
}

void LineEncoder::append_tags(const RecordView& record, std::string& out) const {
    std::string scratch;
    for (const Tag& tag : tags_) {
        const std::string_view value = tag_value(record, tag.name, scratch);
        if (value.empty()) continue;
        out += ',';
        out += tag.key;
        out += '=';
        append_line_key(value, out);
    }
}

LineEncoder::Outcome LineEncoder::append(Lsn lsn, const RecordView& record, std::string& out)
    const {
    const std::size_t start = out.size();
    if (format_.measurement.empty()) {
        append_line_measurement(record.stream().empty() ? "_" : record.stream(), out);
    } else {
        out += measurement_;
    }
    append_tags(record, out);

    FieldSet fields(out, format_);
    bool score_named = false;
    const FieldTable all = record.fields();
    for (std::uint16_t i = 0; format_.fields.empty() && i < all.size(); ++i) {
        const Field field = all[i];
        score_named |= field.name == "score";
        if (!is_tag(field.name)) fields.add(field, false);
    }
    for (const std::string& name : format_.fields) {
        const auto field = record.find(name);
        if (field) fields.add(*field, true);
        if (!field && name == "score" && record.score()) fields.add_score(record.score()->value);
    }
    if (format_.fields.empty() && !score_named && record.score()) {
        fields.add_score(record.score()->value);
    }
    if (fields.empty()) {
        out.resize(start);
        return {false, fields.left_out()};
    }
    const Nanoseconds time = point_time(lsn, record.event_time(), format_.tie_break);
    std::array<char, 24> digits{};
    const auto end =
        std::to_chars(digits.begin(), digits.end(), in_unit(time, format_.precision)).ptr;
    out += ' ';
    out.append(digits.begin(), end);
    out += '\n';
    return {true, fields.left_out()};
}

}  // namespace penstock::sinks

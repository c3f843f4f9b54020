// Records as line protocol: whatever a device sends, one record is one point, and a reader of the
// format finds in it what the record said.
#include "fuzz.h"
#include "sinks/archive/object_name.h"
#include "sinks/encode/line_protocol.h"
#include "support/record_builder.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

using fuzz::claim;

/// A reader of the format, written from its description: a point's parts, with backslashes and %XX
/// undone.
struct Point {
    std::string measurement;
    std::vector<std::pair<std::string, std::string>> tags;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string time;
};

unsigned hex(char c) {
    return static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/// Up to one of `ends` that no backslash escapes; undoes the backslashes before characters of
/// `escaped`.
std::string token(std::string_view& text, std::string_view ends, std::string_view escaped) {
    std::string out;
    std::size_t i = 0;
    for (; i < text.size() && ends.find(text[i]) == ends.npos; ++i) {
        if (text[i] == '\\' && i + 1 < text.size() && escaped.find(text[i + 1]) != escaped.npos)
            ++i;
        out += text[i];
    }
    text.remove_prefix(i);
    return out;
}

std::string quoted(std::string_view& text) {
    std::string out;
    text.remove_prefix(1);
    while (!text.empty() && text.front() != '"') {
        if (text.front() == '\\' && text.size() > 1) text.remove_prefix(1);
        out += text.front();
        text.remove_prefix(1);
    }
    claim(!text.empty(), "a string value ends");
    text.remove_prefix(1);
    return out;
}

std::string uncoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool coded = text[i] == '%' && i + 2 < text.size() &&
                           std::isxdigit(static_cast<unsigned char>(text[i + 1])) != 0 &&
                           std::isxdigit(static_cast<unsigned char>(text[i + 2])) != 0;
        if (coded) {
            out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

Point read(std::string_view line) {
    Point point;
    point.measurement = token(line, ", ", ", ");
    while (take(line, ',')) {
        auto key = token(line, "=, ", ",= ");
        claim(take(line, '='), "a tag has a value");
        point.tags.emplace_back(std::move(key), token(line, "=, ", ",= "));
    }
    claim(take(line, ' '), "fields follow the tags");
    do {
        auto key = token(line, "=, ", ",= ");
        claim(take(line, '='), "a field has a value");
        const bool text = line.starts_with('"');
        point.fields.emplace_back(std::move(key), text ? quoted(line) : token(line, ", ", ""));
    } while (take(line, ','));
    claim(take(line, ' '), "a time follows the fields");
    point.time = line;
    return point;
}

std::string kept(std::string_view name) {
    if (name.empty()) return "_";
    return name == "time" ? "time_" : std::string(name);
}

void check_point(const RecordView& record, const std::string& line) {
    claim(line.back() == '\n' && line.find('\n') == line.size() - 1, "a point is one line");
    claim(line.front() != '#', "a point is no comment");
    for (const char c : line.substr(0, line.size() - 1))
        claim(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "no control characters");
    const Point point = read(std::string_view(line).substr(0, line.size() - 1));
    claim(
        uncoded(point.measurement) == (record.stream().empty() ? "_" : record.stream()),
        "the measurement is the stream"
    );
    std::map<std::string, std::string> tags;
    for (const auto& [key, value] : point.tags)
        claim(tags.emplace(uncoded(key), uncoded(value)).second, "no tag twice");
    claim(tags.contains("deviceId") == !record.device().empty(), "the device is a tag");
    if (!record.device().empty())
        claim(tags["deviceId"] == record.device(), "a tag is what the record says");
    const auto text = record.find("text");
    claim(
        !text.has_value() || text->text.empty() || tags["text"] == text->text,
        "a field may be a tag"
    );
    bool found = false;
    for (const auto& [key, value] : point.fields)
        if (uncoded(key) == kept(record.field(0).name) && value == "1.5") found = true;
    claim(found, "the number is a field, digit by digit");
    bool said = false;
    for (const auto& [key, value] : point.fields)
        if (uncoded(key) == kept(record.field(1).name) && uncoded(value) == record.field(1).text)
            said = true;
    claim(said, "the text is a field, whatever stands in it");
    claim(point.time == std::to_string(record.event_time()), "the time is the record's");
}

void check_object_name(std::string_view stream) {
    const std::string name =
        object_name("p/", {std::string(stream), 1000}, JournalId{}, {1}, {9}, ArchiveFormat{});
    claim(name.starts_with("p/stream="), "an object stands under its prefix");
    std::size_t slashes = 0;
    for (const char c : name) {
        slashes += c == '/' ? 1 : 0;
        claim(c > 0x20 && c < 0x7f && c != '\\', "an object's name is plain");
    }
    claim(slashes == 4, "a stream is one part of a path");
    claim(name.find("/../") == name.npos && name.find("/./") == name.npos, "nothing climbs out");
    (void)is_object_prefix(stream);
}

}  // namespace
}  // namespace penstock::sinks

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock;
    using namespace penstock::sinks;
    fuzz::Input input(data, size);
    const std::string stream(input.line().substr(0, 255));
    const std::string device(input.line());
    std::string key(input.line().substr(0, 1000));
    const std::string text(input.text());
    check_object_name(stream);
    if (key == "deviceId" || key == "text") key += '_';
    test::RecordBuilder record;
    record.stream(stream).device(device).field(key, "1.5", FieldType::number);
    record.field("said" + key, text, FieldType::string).field("text", text, FieldType::string);
    const RecordView view = record.view();
    LineFormat format;
    format.tags = {"deviceId", "text"};
    format.fields = {key, "said" + key};
    std::string line;
    const auto outcome = LineEncoder(format).append({7}, view, line);
    fuzz::claim(outcome.point, "a record with a number is a point");
    check_point(view, line);
    return 0;
}

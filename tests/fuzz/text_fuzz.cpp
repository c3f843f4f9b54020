// Times, sizes, numbers, encodings: what is read is written again and read the same.
#include "api/query.h"
#include "base/base64.h"
#include "base/iso_time.h"
#include "base/json_text.h"
#include "base/text.h"
#include "config/units.h"
#include "fuzz.h"
#include "inspect/event_time.h"
#include "inspect/json_token.h"
#include "inspect/number.h"
#include "inspect/strict_json.h"

#include <cmath>
#include <cstdlib>
#include <ctime>
#include <string>

namespace penstock {
namespace {

using fuzz::claim;

void check_iso_time(std::string_view text) {
    const auto time = parse_iso_time(text);
    if (!time) return;
    std::string written;
    append_iso_time(*time, written);
    claim(parse_iso_time(written) == time, "a time that was read is written and read the same");
    // The C library's calendar agrees.
    const std::int64_t seconds = (*time - ((*time % kSecond) + kSecond) % kSecond) / kSecond;
    std::tm parts{};
    const std::time_t clock = seconds;
    gmtime_r(&clock, &parts);
    char expected[32];
    std::strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &parts);
    claim(written.starts_with(expected), "the calendar is right");
}

void check_units(std::string_view text) {
    if (const auto bytes = config::parse_byte_count(text)) {
        const auto again = config::parse_byte_count(config::print(*bytes));
        claim(again.ok() && *again == *bytes, "a size that was read is written and read the same");
    }
    if (const auto span = config::parse_duration(text)) {
        claim(span->count() >= 0, "spans are not negative");
        const auto again = config::parse_duration(config::print(*span));
        claim(again.ok() && *again == *span, "a span that was read is written and read the same");
    }
}

void check_numbers(std::string_view text) {
    if (const auto value = text::parse_int(text))
        claim(std::to_string(*value).size() <= text.size(), "digits");
    (void)text::parse_uint(text);
    if (const auto value = text::parse_double(text)) {
        claim(std::isfinite(*value), "numbers are finite");
        claim(
            text::parse_double(text::shortest(*value)) == value,
            "a number is written and read the same"
        );
    }
    (void)api::parse_when(text, 1'767'323'045 * kSecond);
}

void check_encodings(std::string_view text) {
    std::string coded;
    append_base64(text, coded);
    claim(base64_decoded(coded) == std::string(text), "base64 comes back");
    if (const auto decoded = base64_decoded(text)) {
        std::string again;
        append_base64(*decoded, again);
        claim(again.starts_with(text.substr(0, text.find('='))), "one text for one content");
    }
    coded.clear();
    text::append_percent_encoded(coded, text);
    claim(text::percent_decoded(coded) == std::string(text), "percent-encoding comes back");
    (void)text::percent_decoded(text);
    coded.clear();
    text::append_path_component(coded, text);
    claim(coded != "." && coded != ".." && !coded.empty(), "a path component is one");
    claim(
        coded.find_first_of(std::string_view("/\\\0", 3)) == coded.npos,
        "nothing climbs out of a path"
    );
    coded.clear();
    append_json_string(text, coded);
    claim(inspect::StrictJson::takes("{\"a\":" + coded + "}"), "a JSON string is one");
    claim(valid_utf8(coded), "a JSON string is UTF-8");
    coded.clear();
    text::append_log_string(coded, text, 40);
    claim(
        valid_utf8(coded) && inspect::StrictJson::takes("{\"a\":" + coded + "}"),
        "a log string is one"
    );
    claim(coded.find_first_of("\n\r\x1b") == coded.npos, "a log string is one line");
    const std::string_view part = text::cut(text, 10);
    claim(part.size() <= 10 && text.starts_with(part), "a cut text is a beginning");
    claim(!valid_utf8(text) || valid_utf8(part), "a cut does not break a character");
}

void check_event_time(std::string_view text, inspect::TimeFormat format) {
    const bool digits = !text.empty() && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
    const bool number = digits && inspect::StrictJson::takes("{\"a\":" + std::string(text) + "}");
    inspect::Known field;
    field.text = text.data();
    field.size = static_cast<std::uint32_t>(text.size());
    field.kind = number ? inspect::Known::Kind::number : inspect::Known::Kind::string;
    const auto time = inspect::parse_event_time(field, format);
    if (format == inspect::TimeFormat::iso8601 && !number)
        claim(time == parse_iso_time(text), "the quick reader of times says what the other says");
    if (number && text.find_first_of(" \t\r\n") == text.npos) {
        const double value = inspect::parse_number(text);
        claim(std::isfinite(value), "numbers are finite");
        claim(
            value == std::strtod(std::string(text).c_str(), nullptr),
            "a number is the nearest double"
        );
    }
}

}  // namespace
}  // namespace penstock

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock;
    fuzz::Input input(data, size);
    constexpr inspect::TimeFormat kFormats[] = {
        inspect::TimeFormat::automatic,
        inspect::TimeFormat::iso8601,
        inspect::TimeFormat::seconds,
        inspect::TimeFormat::milliseconds,
        inspect::TimeFormat::microseconds,
        inspect::TimeFormat::nanoseconds
    };
    const auto format = kFormats[input.choice(6)];
    const fuzz::Block block(input.text());
    check_iso_time(block.text());
    check_units(block.text());
    check_numbers(block.text());
    check_encodings(block.text());
    check_event_time(block.text(), format);
    return 0;
}

#include "sinks/encode/line_protocol.h"

#include "sinks/encode/gzip.h"
#include "support/record_builder.h"

#include <catch2/catch.hpp>

using namespace penstock;
using namespace penstock::sinks;
using penstock::test::RecordBuilder;

namespace {

constexpr Nanoseconds kTime = 1'767'225'600'123'456'789;

RecordBuilder wearable() {
    RecordBuilder record;
    record.device("w1").status("NORMAL").event_time(kTime);
    return record;
}

std::string line(const LineFormat& format, RecordBuilder& record, std::uint64_t lsn = 1) {
    std::string out;
    LineEncoder(format).append({lsn}, record.view(), out);
    return out;
}

LineFormat tagged() {
    LineFormat format;
    format.tags = {"status", "deviceId"};
    return format;
}

std::string key(std::string_view text) {
    std::string out;
    append_line_key(text, out);
    return out;
}

}  // namespace

TEST_CASE("line protocol: numbers and booleans become fields, strings do not", "[sinks][line]") {
    auto record = wearable();
    record.field("heartRate", "80", FieldType::integer)
        .field("temp", "36.60", FieldType::number)
        .field("worn", "true", FieldType::boolean)
        .field("note", "x", FieldType::string)
        .field("none", "null", FieldType::null)
        .score(0.25);
    CHECK(
        line(tagged(), record) ==
        "wearables,deviceId=w1,status=NORMAL heartRate=80,temp=36.60,worn=true,score=0.25 "
        "1767225600123456789\n"
    );
}

TEST_CASE(
    "line protocol: whole numbers are floats unless integers are asked for", "[sinks][line]"
) {
    auto record = wearable();
    record.field("steps", "7", FieldType::integer).field("x", "7.0", FieldType::number);
    LineFormat format;
    CHECK(line(format, record) == "wearables steps=7,x=7.0 1767225600123456789\n");
    format.integers = true;
    CHECK(line(format, record) == "wearables steps=7i,x=7.0 1767225600123456789\n");
}

TEST_CASE("line protocol: chosen fields may be strings, and a tag is no field", "[sinks][line]") {
    auto record = wearable();
    record.field("heartRate", "80", FieldType::integer)
        .field("note", R"(a"b\c)", FieldType::string);
    LineFormat format;
    format.measurement = "vital signs";
    format.fields = {"note", "missing"};
    CHECK(line(format, record) == "vital\\ signs note=\"a\\\"b\\\\c\" 1767225600123456789\n");
    LineFormat by_rate;
    by_rate.tags = {"heartRate"};
    CHECK(line(by_rate, record).empty());
}

TEST_CASE("line protocol: a record without a field to write makes no point", "[sinks][line]") {
    auto record = wearable();
    record.field("note", "x", FieldType::string);
    std::string out = "before";
    CHECK_FALSE(LineEncoder(tagged()).append({1}, record.view(), out).point);
    CHECK(out == "before");
}

TEST_CASE("line protocol: a number beyond a double is left out and counted", "[sinks][line]") {
    auto record = wearable();
    const std::string digits = std::string(400, '7') + ".5";
    record.field("huge", "1e999", FieldType::number).field("a", "1", FieldType::integer);
    record.field("long", digits, FieldType::number);
    std::string out;
    CHECK(LineEncoder(LineFormat{}).append({1}, record.view(), out).left_out == 2);
    CHECK(out == "wearables a=1 1767225600123456789\n");
}

TEST_CASE("line protocol: the device's own score is not replaced", "[sinks][line]") {
    auto record = wearable();
    record.field("score", "7", FieldType::integer).score(0.5);
    CHECK(line(LineFormat{}, record) == "wearables score=7 1767225600123456789\n");
}

TEST_CASE("line protocol: empty tag values are left out", "[sinks][line]") {
    auto record = wearable();
    record.status("").field("a", "1", FieldType::integer);
    CHECK(line(tagged(), record) == "wearables,deviceId=w1 a=1 1767225600123456789\n");
}

TEST_CASE("line protocol: names that servers reserve or cannot hold are changed", "[sinks][line]") {
    auto record = wearable();
    record.field("time", "1", FieldType::integer).field("", "2", FieldType::integer);
    CHECK(line(LineFormat{}, record) == "wearables time_=1,_=2 1767225600123456789\n");
}

TEST_CASE("line protocol: times are written in the unit asked for, rounded down", "[sinks][line]") {
    auto record = wearable();
    record.field("a", "1", FieldType::integer).event_time(-1);
    LineFormat format;
    format.precision = TimePrecision::milliseconds;
    CHECK(line(format, record) == "wearables a=1 -1\n");
    record.event_time(kTime);
    CHECK(line(format, record) == "wearables a=1 1767225600123\n");
    format.precision = TimePrecision::microseconds;
    CHECK(line(format, record) == "wearables a=1 1767225600123456\n");
    format.precision = TimePrecision::seconds;
    CHECK(line(format, record) == "wearables a=1 1767225600\n");
}

TEST_CASE(
    "line protocol: tie_break fills only digits that the device did not send", "[sinks][line]"
) {
    const Nanoseconds ms = 1'767'225'600'123 * kMillisecond;
    CHECK(point_time({7}, ms, false) == ms);
    CHECK(point_time({7}, ms, true) == ms + 7);
    CHECK(point_time({2'000'008}, ms, true) == ms + 8);
    CHECK(point_time({7}, ms + 4000, true) == ms + 4007);
    CHECK(point_time({7}, ms + 1, true) == ms + 1);
}

TEST_CASE(
    "line protocol: every byte has an escape that cannot end its place", "[sinks][line][A10]"
) {
    for (int c = 0; c < 256; ++c) {
        const std::string text = "a" + std::string(1, static_cast<char>(c)) + "b";
        INFO(c);
        for (const auto escape :
             {&append_line_measurement, &append_line_key, &append_line_string}) {
            std::string out;
            escape(text, out);
            for (const char control : {'\n', '\r', '\0', '\t'})
                CHECK(out.find(control) == std::string::npos);
            if (escape == &append_line_string) continue;
            for (const char special : {',', ' '}) {
                const std::size_t at = out.find(special);
                CHECK((at == std::string::npos || out[at - 1] == '\\'));
            }
            CHECK(out.back() == 'b');
        }
    }
}

TEST_CASE("line protocol: different texts stay different", "[sinks][line][A10]") {
    CHECK(key("a\nb") == "a%0Ab");
    CHECK(key("a%0Ab") == "a%250Ab");
    CHECK(key("a%0") == "a%0");
    CHECK(key("50%") == "50%");
    CHECK(key("a\\") == "a%5C");
    CHECK(key("\xc3\xa4\xff") == "\xc3\xa4%FF");
    CHECK(key("\xc3") == "%C3");
    CHECK(key("a,b=c d") == "a\\,b\\=c\\ d");
}

TEST_CASE("line protocol: a measurement is never a comment", "[sinks][line][A10]") {
    std::string out;
    append_line_measurement("#x#", out);
    CHECK(out == "%23x#");
}

TEST_CASE("gzip: the member has the magic bytes and shrinks repetition", "[sinks][gzip]") {
    const std::string packed = gzip(std::string(100'000, 'a'));
    CHECK(packed.substr(0, 2) == "\x1f\x8b");
    CHECK(packed.size() < 1000);
    CHECK(gzip("").size() == 20);
}

#include "sinks/where.h"

#include "sinks/filter.h"
#include "support/record_builder.h"

#include <catch2/catch.hpp>

#include <string>

namespace penstock::sinks {
namespace {

using test::RecordBuilder;

bool holds(std::string_view text, RecordBuilder& record) {
    const auto where = Where::parse(text);
    INFO((where.ok() ? "" : where.error().message));
    REQUIRE(where.ok());
    Where::Scratch scratch;
    return where->holds(Lsn{17}, record.view(), scratch);
}

RecordBuilder sample() {
    RecordBuilder record;
    record.device("w1")
        .client("gate")
        .topic("t/1")
        .status("HIGH_HEART_RATE")
        .field("heartRate", "150", FieldType::integer)
        .field("position.lat", "48.5", FieldType::number)
        .field("ok", "true", FieldType::boolean)
        .field("name", "plain", FieldType::string)
        .field("nothing", "null", FieldType::null)
        .field("list", "[1]", FieldType::json)
        .derived("double", "300", FieldType::number)
        .score(0.25);
    return record;
}

TEST_CASE("where: names are fields, and what Penstock adds", "[sinks][where]") {
    RecordBuilder record = sample();
    for (const char* text :
         {"heartRate > 140",
          "position.lat == 48.5 and ok",
          "name == 'plain'",
          "double == 300",
          "status == 'HIGH_HEART_RATE'",
          "score < 0.5",
          "_penstock.device == 'w1'",
          "_penstock.client == 'gate' and _penstock.topic == 't/1'",
          "_penstock.stream == 'wearables' and _penstock.source == 'http'",
          "_penstock.lsn == 17",
          "_penstock.eventTime == 1767323045.678",
          "processedAt == _penstock.receivedAt",
          "exists(list) and not exists(nothing) and not exists(gone)",
          "not (gone > 1) and not (_penstock.sequence > 0)"}) {
        CAPTURE(text);
        CHECK(holds(text, record));
        CHECK_FALSE(holds("not (" + std::string(text) + ")", record));
    }
    CHECK(holds("", record));
}

TEST_CASE(
    "where: a device's own status goes before Penstock's, but for _penstock", "[sinks][where]"
) {
    RecordBuilder record;
    record.status("NORMAL").field("status", "mine", FieldType::string);
    CHECK(holds("status == 'mine'", record));
    CHECK(holds("_penstock.status == 'NORMAL'", record));
}

TEST_CASE("where: no device says what stands under _penstock", "[sinks][where][R7]") {
    RecordBuilder record;
    record.device("w1").field("_penstock.device", "forged", FieldType::string);
    CHECK(holds("_penstock.device == 'w1'", record));
}

TEST_CASE("where: escaped texts are compared as what they say", "[sinks][where]") {
    Field field;
    field.text = "a\\u0062";
    field.type = FieldType::string;
    field.escaped = true;
    std::string text;
    append_unescaped(field, text);
    CHECK(text == "ab");
    const auto where = Where::parse("x == 'ab' and y == 'cd'");
    REQUIRE(where.ok());
    RecordParts parts;
    const std::string annex = "xya\\u0062\\u0063d";
    RecordParts::Entry x;
    x.name_size = 1;
    x.text_offset = 2;
    x.text_size = 7;
    x.type = FieldType::string;
    x.flags = RecordParts::kNameInAnnex | RecordParts::kTextInAnnex | RecordParts::kEscaped;
    RecordParts::Entry y = x;
    y.name_offset = 1;
    y.text_offset = 9;
    const std::vector<RecordParts::Entry> fields{x, y};
    parts.device = "d";
    parts.annex = annex;
    parts.fields = fields;
    std::vector<std::byte> bytes(encoded_size(parts));
    encode(parts, bytes);
    Where::Scratch scratch;
    CHECK(where->holds(Lsn{1}, RecordView::parse(bytes).value(), scratch));
}

TEST_CASE("where: says what is wrong and where", "[sinks][where]") {
    CHECK_THAT(Where::parse("heartRate >").error().message, Catch::Contains("character 12"));
    CHECK_THAT(Where::parse("a = 1").error().message, Catch::Contains("=="));
    CHECK_THAT(Where::parse("_penstock.divice == 1").error().message, Catch::Contains("divice"));
}

TEST_CASE("filter: takes what streams, kind and condition let through", "[sinks][where]") {
    SinkConfig config;
    config.streams = {"wearables"};
    config.where = Where::parse("heartRate > 140").value();
    Filter filter(config);
    RecordBuilder record = sample();
    CHECK(filter.takes(Lsn{1}, record.view()));
    record.stream("doors");
    CHECK_FALSE(filter.takes(Lsn{1}, record.view()));
    record.stream("wearables").flags(kQuarantined);
    CHECK_FALSE(filter.takes(Lsn{1}, record.view()));
    RecordBuilder calm;
    calm.field("heartRate", "60", FieldType::integer);
    CHECK_FALSE(filter.takes(Lsn{1}, calm.view()));
}

}  // namespace
}  // namespace penstock::sinks

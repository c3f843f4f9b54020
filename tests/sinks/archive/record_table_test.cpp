#include "sinks/archive/record_table.h"

#include "sinks/archive/archived.h"
#include "sinks/archive/table_bodies.h"
#include "sinks/archive/window.h"
#include "support/record_builder.h"

#include <catch2/catch.hpp>

#include <set>

using namespace penstock;
using namespace penstock::sinks;
using test::ParquetReaders;
using test::RecordBuilder;

namespace {

const JournalId kJournal{{7}};

const std::vector<DeclaredField> kFields{
    {"heartRate", FieldType::integer},
    {"temperature", FieldType::number},
    {"worn", FieldType::boolean},
    {"mode", FieldType::string},
    {"position.lat", FieldType::number},
    {"trend", FieldType::json},
};

/// What others read of this record: its columns, but for those that every record has.
std::string row_of(RecordBuilder& record) {
    ParquetReaders* const readers = ParquetReaders::shared();
    if (readers == nullptr) return {};
    ZstdWriter zstd(1);
    RecordTable table(kJournal, kFields);
    table.append({17}, record.view(), zstd);
    const auto rows = readers->rows(table.file().finish(zstd));
    REQUIRE(rows.size() == 1);
    return rows[0];
}

/// The device's part of a row, and the rest.
std::string fields_of(RecordBuilder& record) {
    const std::string row = row_of(record);
    const std::size_t end = row.find("\"quarantined\":false");
    return end == std::string::npos ? row : row.substr(end + 19);
}

RecordBuilder with(std::string_view name, std::string_view text, FieldType type) {
    RecordBuilder record;
    record.payload("{...}").field(name, text, type);
    return record;
}

}  // namespace

#define PS_NEEDS_READERS \
    if (ParquetReaders::shared() == nullptr) return

TEST_CASE("record table: what Penstock knows stands in columns", "[sinks][archive][parquet]") {
    PS_NEEDS_READERS;
    RecordBuilder record;
    record.device("w1").client("c1").topic("a/b").status("HIGH").payload("{...}");
    record.field("heartRate", "150", FieldType::integer).score(0.5, 0);
    CHECK(
        row_of(record) ==
        R"({"journal":"07000000000000000000000000000000","lsn":17,"stream":"wearables","device":"w1",)"
        R"("client":"c1","topic":"a/b","source":"http","event_time":1767323045678000,)"
        R"("event_time_replaced":false,"received_at":1767323046000000,"status":"HIGH","score":0.5,)"
        R"("score_field":"heartRate","expected":80.5,"deviation":3.25,"retain":false,)"
        R"("duplicate":false,"quarantined":false,"heartRate":150})"
    );
}

TEST_CASE("record table: fields of their type stand in columns", "[sinks][archive][parquet]") {
    PS_NEEDS_READERS;
    RecordBuilder record;
    record.payload("{...}")
        .field("heartRate", "-7", FieldType::integer)
        .field("temperature", "36.65", FieldType::number)
        .field("worn", "true", FieldType::boolean)
        .field("mode", "rün", FieldType::string)
        .field("position.lat", "47", FieldType::integer)
        .derived("trend", "[1,2.50]", FieldType::json);
    CHECK(
        fields_of(record) ==
        R"(,"heartRate":-7,"temperature":36.65,"worn":true,"mode":"rün","position.lat":47.0,)"
        R"("trend":"[1,2.50]"})"
    );
}

TEST_CASE("record table: what fits no column keeps its text", "[sinks][archive][parquet]") {
    PS_NEEDS_READERS;
    const auto rest = [](std::string_view name, std::string_view text, FieldType type) {
        RecordBuilder record = with(name, text, type);
        return test::member(fields_of(record), "rest");
    };
    CHECK(rest("heartRate", "72.50", FieldType::number) == R"({"heartRate":72.50})");
    CHECK(rest("heartRate", "72", FieldType::string) == R"({"heartRate":"72"})");
    CHECK(rest("heartRate", "null", FieldType::null) == R"({"heartRate":null})");
    CHECK(rest("heartRate", "-0", FieldType::integer) == R"({"heartRate":-0})");
    CHECK(
        rest("temperature", "3.14159265358979323846", FieldType::number) ==
        R"({"temperature":3.14159265358979323846})"
    );
    CHECK(rest("worn", "1", FieldType::integer) == R"({"worn":1})");
    CHECK(rest("mode", "1", FieldType::integer) == R"({"mode":1})");
    CHECK(rest("other", "1", FieldType::integer) == R"({"other":1})");
    // A device's own field under the name of one of our columns.
    CHECK(rest("device", "x", FieldType::string) == R"({"device":"x"})");
    CHECK(
        rest("_penstock.eventTime", "1", FieldType::integer) ==
        R"({"payload._penstock.eventTime":1})"
    );
}

TEST_CASE(
    "record table: a derived field that the device sends, too, is kept", "[sinks][archive][parquet]"
) {
    PS_NEEDS_READERS;
    RecordBuilder record = with("trend", "1", FieldType::integer);
    record.derived("trend", "2", FieldType::integer);
    const std::string row = fields_of(record);
    CHECK(test::member(row, "trend") == "1");
    CHECK(test::member(row, "rest") == R"({"_penstock.derived.trend":2})");
}

TEST_CASE("record table: nanoseconds of the event time are kept", "[sinks][archive][parquet]") {
    PS_NEEDS_READERS;
    RecordBuilder record = with("heartRate", "1", FieldType::integer);
    record.event_time(1'767'323'045'678'901'234);
    CHECK(
        test::member(row_of(record), "rest") ==
        R"({"_penstock.eventTime":"2026-01-02T03:04:05.678901234Z"})"
    );
    record.event_time(-1'500);  // before 1970: rounded down
    CHECK_THAT(row_of(record), Catch::Contains("\"event_time\":-2,"));
}

TEST_CASE("record table: bytes that are no UTF-8 are kept", "[sinks][archive][parquet]") {
    PS_NEEDS_READERS;
    RecordBuilder record = with("heartRate", "1", FieldType::integer);
    record.device("a\xff\xc3");
    const std::string row = row_of(record);
    CHECK(test::member(row, "device") == "a\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(test::member(row, "rest") == R"({"_penstock.device":"a%FF%C3"})");
}

TEST_CASE("record table: a payload without fields is kept whole", "[sinks][archive][parquet]") {
    PS_NEEDS_READERS;
    RecordBuilder record;
    record.payload("\xff{").flags(kQuarantined).reason("json: bad");
    CHECK_THAT(row_of(record), Catch::Contains(R"("quarantined":true,"reason":"json: bad",)"));
    CHECK(test::member(row_of(record), "payload") == "ff7b");
    RecordBuilder empty;
    empty.payload("{}");
    CHECK(test::member(row_of(empty), "payload") == "7b7d");
}

TEST_CASE("record table: as many columns as allowed, each name once", "[sinks][archive][parquet]") {
    std::vector<DeclaredField> declared{
        {"a", FieldType::number},
        {"lsn", FieldType::integer},
        {"a", FieldType::string},
        {"\xff", FieldType::string}
    };
    CHECK(column_fields(declared) == std::vector<DeclaredField>{{"a", FieldType::number}});
    for (int i = 0; i < 2000; ++i)
        declared.push_back({"f" + std::to_string(i), FieldType::number});
    CHECK(column_fields(declared).size() == kFieldColumnsMax);
    CHECK(table_schema(column_fields(declared)).size() == kOwnColumns + kFieldColumnsMax);
}

TEST_CASE(
    "table bodies: rows in memory are bounded, nothing is lost", "[sinks][archive][parquet]"
) {
    TableBodies bodies(1, kJournal, [](std::string_view) { return kFields; });
    std::vector<std::size_t> open;
    for (int i = 0; i < 8; ++i)
        open.push_back(bodies.begin("wearables"));
    std::uint64_t x = 1;
    std::uint64_t most = 0;
    std::string noise(64 * 1024, 'x');
    for (std::uint64_t lsn = 1; lsn <= 1000; ++lsn) {
        for (std::size_t i = 0; i < noise.size(); i += 997)
            noise[i] = static_cast<char>('a' + (x = x * 6364136223846793005ULL + 1) % 26);
        RecordBuilder record;
        record.payload("{...}").field("mode", noise, FieldType::string);
        bodies.add(open[lsn % open.size()], {lsn}, record.view());
        most = std::max(most, bodies.bytes());
    }
    CHECK(bodies.evictions() > 0);
    CHECK(most < TableBodies::kWaitingBytes + (std::uint64_t{16} << 20));
    if (ParquetReaders* const readers = ParquetReaders::shared()) {
        std::set<std::uint64_t> lsns;
        for (const std::size_t body : open) {
            for (const std::string& row : readers->rows(bodies.finish(body)))
                lsns.insert(test::number(row, "lsn"));
        }
        CHECK(lsns.size() == 1000);
    }
}

TEST_CASE("window: a table keeps the columns it was begun with", "[sinks][archive][parquet]") {
    std::vector<DeclaredField> declared{{"a", FieldType::number}};
    const FieldCatalog catalog = [&](const std::vector<std::string>&) { return declared; };
    const auto written = [&](const WindowSettings& settings) {
        Window window({1}, settings, kJournal, catalog);
        RecordBuilder record;
        record.payload("{...}").field("a", "1", FieldType::integer);
        window.add({1}, record.view());
        WindowSettings used = window.settings();
        return std::pair(used, window.close({1}).at(0).bytes);
    };
    WindowSettings settings;
    settings.format = ArchiveFormat::parquet;
    const auto [used, bytes] = written(settings);
    CHECK(used.tables == StreamTables{{"wearables", declared}});
    declared[0].type = FieldType::string;
    CHECK(written(used).second == bytes);
    CHECK(written(settings).second != bytes);
}

#include "sinks/archive/archived_record.h"

#include "support/record_builder.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace penstock;
using namespace penstock::sinks;
using test::RecordBuilder;

namespace {

const JournalId kJournal{{7, 0xab}};

struct Read {
    Status status;
    std::vector<Lsn> lsns;
    std::vector<std::vector<std::byte>> records;

    [[nodiscard]] RecordView view(std::size_t i) const {
        return RecordView::parse(records[i]).value();
    }
};

Read read(ArchiveFormat format, std::string_view text) {
    Read got;
    got.status = read_archived(format, text, [&got](Lsn lsn, std::span<const std::byte> bytes) {
        got.lsns.push_back(lsn);
        got.records.emplace_back(bytes.begin(), bytes.end());
    });
    return got;
}

std::string encoded(ArchiveFormat format, const std::vector<RecordView>& records) {
    std::string text;
    for (std::size_t i = 0; i < records.size(); ++i)
        ArchiveEncoder(format, kJournal).append(Lsn{i + 5}, records[i], text);
    return text;
}

/// Reads what was written, and writes it again.
std::string again(ArchiveFormat format, const std::vector<RecordView>& records) {
    const Read got = read(format, encoded(format, records));
    if (!got.status.ok()) FAIL(got.status.error().message);
    std::vector<RecordView> views;
    for (std::size_t i = 0; i < got.records.size(); ++i)
        views.push_back(got.view(i));
    return encoded(format, views);
}

}  // namespace

TEST_CASE("archived record: what is read gives the same text again", "[sinks][archive]") {
    const auto format = GENERATE(ArchiveFormat::ndjson, ArchiveFormat::raw);
    for (const std::string payload : {
             R"({"deviceId":"w1","heartRate":150})",
             R"({})",
             R"({ "a" : 1 , "b":{"c":"x\"y","d":{}},"e":[1,{"f":2}],"g":null,"h":-1.5e3,"i":true })",
             R"({"status":"mine","score":7,"processedAt":"x","k\u0065y":"\u00e9"})",
             R"({"payload":{"_penstock":{"lsn":3}},"_penstockish":1})",
             R"({"_penstock":{"lsn":3,"stream":"other"}})",
         }) {
        INFO(payload);
        RecordBuilder record;
        record.event_time(1'767'268'800 * kSecond + 123).payload(payload);
        CHECK(again(format, {record.view()}) == encoded(format, {record.view()}));
    }
}

TEST_CASE("archived record: with all that Penstock says of it", "[sinks][archive]") {
    const auto format = GENERATE(ArchiveFormat::ndjson, ArchiveFormat::raw);
    RecordBuilder record;
    record.device("w1").client("gate\"way").topic("iot/w1").stream("wearables").status("HIGH");
    record.payload(R"({"heartRate":150,"double":3})").flags(kRetain | kDuplicate);
    record.field("heartRate", "150", FieldType::integer).field("double", "3", FieldType::integer);
    record.derived("double", "300", FieldType::integer).derived("half", "75.5", FieldType::number);
    record.score(0.97, 0);
    CHECK(again(format, {record.view()}) == encoded(format, {record.view()}));
}

TEST_CASE("archived record: a quarantined payload is no JSON", "[sinks][archive]") {
    const auto format = GENERATE(ArchiveFormat::ndjson, ArchiveFormat::raw);
    for (const std::string payload : {"{\"broken", "a\nb \x01", "\xff\xfe"}) {
        RecordBuilder record;
        record.payload(payload).flags(kQuarantined).reason("json: no");
        CHECK(again(format, {record.view()}) == encoded(format, {record.view()}));
        const Read got = read(format, encoded(format, {record.view()}));
        CHECK(got.view(0).payload() == payload);
    }
}

TEST_CASE("archived record: raw gives the payload back byte for byte", "[sinks][archive]") {
    const std::string payload = "{\"n\":1,\n \"s\":\"two\"}";
    RecordBuilder first;
    RecordBuilder second;
    first.payload(payload);
    second.payload("{\"n\":2}");
    const Read got =
        read(ArchiveFormat::raw, encoded(ArchiveFormat::raw, {first.view(), second.view()}));
    REQUIRE(got.status.ok());
    CHECK(got.lsns == std::vector<Lsn>{{5}, {6}});
    CHECK(got.view(0).payload() == payload);
    CHECK(got.view(0).device() == first.view().device());
    CHECK(got.view(0).event_time() == first.view().event_time());
}

TEST_CASE("archived record: fields are found again", "[sinks][archive]") {
    RecordBuilder record;
    record.payload(R"({"n":1,"o":{"p":"q","r":[1,2]},"x\u0041":2.5})");
    const Read got = read(ArchiveFormat::ndjson, encoded(ArchiveFormat::ndjson, {record.view()}));
    REQUIRE(got.status.ok());
    const RecordView view = got.view(0);
    REQUIRE(view.field_count() == 4);
    CHECK(view.find("n")->type == FieldType::integer);
    CHECK(view.find("o.p")->text == "q");
    CHECK(view.find("o.r")->text == "[1,2]");
    CHECK(view.find("xA")->number() == 2.5);
}

TEST_CASE("archived record: damaged text is told, and where", "[sinks][archive]") {
    const auto format = GENERATE(ArchiveFormat::ndjson, ArchiveFormat::raw);
    RecordBuilder record;
    record.payload(R"({"n":1})");
    const std::string text = encoded(format, {record.view(), record.view()});
    for (std::size_t size = 1; size < text.size(); ++size) {
        const Read got = read(format, std::string_view(text).substr(0, size));
        const bool whole = got.status.ok();
        CHECK(got.records.size() == (size >= text.size() / 2 ? 1 : 0));
        CHECK(whole == (size == text.size() / 2));
    }
    CHECK_FALSE(read(format, "{}\n").status.ok());
    CHECK_FALSE(read(format, "[]\n").status.ok());
    CHECK_FALSE(read(format, "{\"_penstock\":1}\n").status.ok());
}

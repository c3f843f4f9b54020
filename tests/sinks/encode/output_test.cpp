#include "sinks/encode/output.h"

#include "support/record_builder.h"

#include <catch2/catch.hpp>

#include <string>

namespace penstock::sinks {
namespace {

using test::RecordBuilder;

const JournalId kJournal{{0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}};

RecordBuilder sample() {
    RecordBuilder record;
    record.device("w1")
        .status("HIGH")
        .payload(R"({"heartRate":150.0,"position":{"lat":48.50,"lon":9}})")
        .field("heartRate", "150.0", FieldType::number)
        .field("position.lat", "48.50", FieldType::number)
        .field("position.lon", "9", FieldType::integer)
        .field("note", "say \"x\"", FieldType::string)
        .derived("ratio", "0.5", FieldType::number);
    return record;
}

std::string text(const OutputConfig& config, RecordBuilder& record) {
    std::string out;
    OutputEncoder(config, kJournal).append(Lsn{17}, record.view(), out);
    return out;
}

std::vector<std::string> problems_of(const OutputConfig& config) {
    config::Problems problems;
    config::Fields<OutputConfig>::check(config, {}, problems);
    std::vector<std::string> all;
    for (const auto& problem : problems.sorted())
        all.push_back(problem.message);
    return all;
}

TEST_CASE("output: raw is the payload, enriched is what the API shows", "[sinks][output]") {
    RecordBuilder record = sample();
    CHECK(text({OutputForm::raw, {}, {}}, record) == sample().view().payload());
    std::string enriched;
    RecordJson(kJournal).append(Lsn{17}, record.view(), enriched);
    CHECK(text({}, record) == enriched);
}

TEST_CASE("output: flat writes every field, and what identifies the record", "[sinks][output]") {
    RecordBuilder record = sample();
    CHECK(
        text(
            {OutputForm::flat, {}, {{"position.lat", "lat"}, {"_penstock.device", "id"}}}, record
        ) == R"({"heartRate":150.0,"lat":48.50,"position.lon":9,"note":"say \"x\"","ratio":0.5,)"
             R"("status":"HIGH","_penstock.journal":"a1b2c3d4e5f60102030405060708090a",)"
             R"("_penstock.lsn":17,"_penstock.stream":"wearables","id":"w1",)"
             R"("_penstock.eventTime":"2026-01-02T03:04:05.678Z"})"
    );
}

TEST_CASE("output: flat leaves a device its own names, but for _penstock", "[sinks][output][R7]") {
    RecordBuilder record;
    record.device("w1")
        .status("NORMAL")
        .payload("{}")
        .field("status", "mine", FieldType::string)
        .field("_penstock.lsn", "1", FieldType::integer);
    const std::string out = text({OutputForm::flat, {}, {}}, record);
    CHECK_THAT(
        out, Catch::StartsWith(R"({"status":"mine","payload._penstock.lsn":1,"_penstock.jo)")
    );
    CHECK_THAT(out, Catch::Contains(R"("_penstock.lsn":17)"));
    CHECK_THAT(out, !Catch::Contains("NORMAL"));
}

TEST_CASE("output: chosen fields in their order, those missing left out", "[sinks][output]") {
    RecordBuilder record = sample();
    const OutputConfig config{
        OutputForm::flat,
        {"score", "ratio", "gone", "_penstock.device", "position.lat", "status"},
        {{"_penstock.device", "device"}}
    };
    CHECK(
        text(config, record) ==
        R"({"ratio":0.5,"device":"w1","position.lat":48.50,"status":"HIGH"})"
    );
    CHECK(text({OutputForm::flat, {"gone"}, {}}, record) == "{}");
}

TEST_CASE("output: nested makes objects of names with dots, each once", "[sinks][output]") {
    RecordBuilder record = sample();
    const OutputConfig config{
        OutputForm::nested,
        {"position.lat", "heartRate", "_penstock.lsn", "position.lon", "ratio", "gone"},
        {{"heartRate", "vital.heart.rate"}, {"ratio", "vital.ratio"}, {"gone", "vital.heart.gone"}}
    };
    CHECK(
        text(config, record) ==
        R"({"position":{"lat":48.50,"lon":9},"vital":{"heart":{"rate":150.0},"ratio":0.5},)"
        R"("_penstock":{"lsn":17}})"
    );
    RecordBuilder bare;
    bare.payload("{}");
    CHECK(text(config, bare) == R"({"_penstock":{"lsn":17}})");
}

TEST_CASE("output: a record without fields of its own is kept whole", "[sinks][output]") {
    const OutputForm form = GENERATE(OutputForm::flat, OutputForm::nested);
    const std::string payload = GENERATE("[1,2]", " 5", "\"text\"");
    RecordBuilder record;
    record.payload(payload);
    CHECK_THAT(text({form, {"status"}, {}}, record), Catch::Contains("\"payload\":"));
    record.payload("{broken").flags(kQuarantined).reason("json: broken");
    CHECK_THAT(text({form, {"status"}, {}}, record), Catch::Contains("{broken"));
}

TEST_CASE("output: settings that cannot be are refused", "[sinks][output][config]") {
    CHECK(problems_of({}).empty());
    CHECK(problems_of({OutputForm::flat, {"a", "b"}, {{"a", "c"}}}).empty());
    CHECK(problems_of({OutputForm::enriched, {"a"}, {}}).size() == 1);
    CHECK(problems_of({OutputForm::raw, {}, {{"a", "b"}}}).size() == 1);
    CHECK(problems_of({OutputForm::nested, {}, {}}).size() == 1);
    CHECK(problems_of({OutputForm::flat, {"_penstock.lns"}, {}}).size() == 1);
    CHECK(problems_of({OutputForm::flat, {"a", "b"}, {{"a", "b"}}}).size() == 1);
    CHECK(problems_of({OutputForm::flat, {"a.b", "a"}, {}}).empty());
    CHECK(problems_of({OutputForm::nested, {"a.b", "a"}, {}}).size() == 1);
    CHECK(problems_of({OutputForm::flat, {"a"}, {{"b", "c"}}}).size() == 1);
}

}  // namespace
}  // namespace penstock::sinks

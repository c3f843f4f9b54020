#include "base/record_json.h"

#include "base/json_text.h"
#include "support/record_builder.h"

#include <catch2/catch.hpp>

namespace penstock {
namespace {

using test::RecordBuilder;

constexpr std::string_view kJournal = "00000000000000000000000000000000";

std::string render(RecordBuilder& builder) {
    std::string out;
    RecordJson(JournalId{}).append(Lsn{17}, builder.view(), out);
    return out;
}

std::string penstock_part(std::string_view tail) {
    return R"("_penstock":{"journal":")" + std::string(kJournal) +
           R"(","lsn":17,"stream":"wearables","device":"w1","source":"http",)" +
           R"("eventTime":"2026-01-02T03:04:05.678Z","receivedAt":"2026-01-02T03:04:06.000Z")" +
           std::string(tail) + "}";
}

constexpr std::string_view kProcessed = R"("processedAt":"2026-01-02T03:04:06.000Z",)";

}  // namespace

TEST_CASE("record json: the device's members stay as they came, ours follow", "[base][json]") {
    auto record = RecordBuilder()
                      .payload(R"({"heartRate":150.0,"big":1E+02,"n":{"a":[1,"}"]}})")
                      .status("HIGH_HEART_RATE")
                      .score(0.97);
    CHECK(
        render(record) ==
        R"({"heartRate":150.0,"big":1E+02,"n":{"a":[1,"}"]},"status":"HIGH_HEART_RATE","score":0.97,)" +
            std::string(kProcessed) + penstock_part(R"(,"status":"HIGH_HEART_RATE","score":0.97)") +
            "}"
    );
}

TEST_CASE("record json: an empty object and blanks around it make no stray comma", "[base][json]") {
    auto record = RecordBuilder().payload(" \r\n{ \t\n } \n");
    CHECK(render(record) == "{" + std::string(kProcessed) + penstock_part("") + "}");
}

TEST_CASE("record json: line breaks between tokens become blanks", "[base][json]") {
    auto record = RecordBuilder().payload("{\n  \"a\":\r\n1\n}");
    CHECK(render(record) == "{   \"a\":  1," + std::string(kProcessed) + penstock_part("") + "}");
}

TEST_CASE(
    "record json: a name that the device sends itself is never written twice", "[base][json]"
) {
    auto record = RecordBuilder()
                      .payload(R"({"status":"mine","sc\u006fre":1,"processedAt":null})")
                      .status("NORMAL")
                      .score(0.5);
    CHECK(
        render(record) == R"({"status":"mine","sc\u006fre":1,"processedAt":null,)" +
                              penstock_part(R"(,"status":"NORMAL","score":0.5)") + "}"
    );
}

TEST_CASE("record json: names are found wherever in a long payload they stand", "[base][json]") {
    for (const std::string filler : {"x", "{[,", R"(\\)", R"(\")"}) {
        for (std::size_t before = 0; before < 140; ++before) {
            std::string text;
            while (text.size() < before)
                text += filler;
            for (const bool member : {false, true}) {
                const std::string open = member ? R"({"fill":")" : R"({"fill":{"status":1,"b":")";
                const std::string close = member ? R"(" , "status":"mine"})" : R"("}})";
                auto record = RecordBuilder().payload(open + text + close).status("OK");
                CAPTURE(filler, before, member);
                const std::string head = render(record).substr(0, (open + text + close).size());
                const std::string rest = render(record).substr(head.size() - 1);
                CHECK(head.substr(0, head.size() - 1) + "}" == open + text + close);
                CHECK(rest.starts_with(member ? R"(,"processedAt":)" : R"(,"status":"OK",)"));
            }
        }
    }
}

TEST_CASE("record json: equal names deeper down or as values are no collision", "[base][json]") {
    auto record =
        RecordBuilder().payload(R"({"a":{"status":1},"b":"status","c":["score"]})").status("OK");
    CHECK(
        render(record) == R"({"a":{"status":1},"b":"status","c":["score"],"status":"OK",)" +
                              std::string(kProcessed) + penstock_part(R"(,"status":"OK")") + "}"
    );
}

TEST_CASE("record json: a device cannot write under _penstock", "[base][json]") {
    const auto* payload = R"({"_penstock":{"status":"NORMAL"},"status":"NORMAL"})";
    auto record = RecordBuilder().payload(payload).status("HIGH");
    CHECK(
        render(record) == R"({"payload":)" + std::string(payload) + R"(,"status":"HIGH",)" +
                              std::string(kProcessed) + penstock_part(R"(,"status":"HIGH")") + "}"
    );
    auto disguised = RecordBuilder().payload(R"({"\u005fpenstock":1})");
    CHECK(render(disguised).starts_with(R"({"payload":{"\u005fpenstock":1},)"));
}

TEST_CASE("record json: a payload that is no object stands under payload", "[base][json]") {
    for (const auto* payload : {"[1,{\"a\":2}]", "42", "\"text\"", "null"}) {
        auto record = RecordBuilder().payload(payload);
        CHECK(
            render(record) == R"({"payload":)" + std::string(payload) + "," +
                                  std::string(kProcessed) + penstock_part("") + "}"
        );
    }
}

TEST_CASE("record json: derived fields are members, or stand aside in _penstock", "[base][json]") {
    auto record = RecordBuilder()
                      .payload(R"({"bmi":1})")
                      .derived("bmi", "22.5", FieldType::number)
                      .derived("label", "a \"b\"", FieldType::string)
                      .derived("processedAt", "2026-01-02T03:04:06Z", FieldType::string);
    CHECK(
        render(record) == R"({"bmi":1,"label":"a \"b\"","processedAt":"2026-01-02T03:04:06Z",)" +
                              penstock_part(R"(,"derived":{"bmi":22.5})") + "}"
    );
}

TEST_CASE("record json: a derived field named like a wrapper stands aside", "[base][json]") {
    auto record = RecordBuilder()
                      .payload("[1]")
                      .derived("payload", "1", FieldType::integer)
                      .derived("_penstock", "2", FieldType::integer);
    CHECK(
        render(record) == R"({"payload":[1],)" + std::string(kProcessed) +
                              penstock_part(R"(,"derived":{"payload":1,"_penstock":2})") + "}"
    );
}

TEST_CASE("record json: a quarantined payload is text, never JSON", "[base][json]") {
    auto record = RecordBuilder()
                      .payload("{\"a\":1},\"_penstock\":{\"forged\":1}\n\x1b[2J")
                      .flags(kQuarantined)
                      .reason("invalid_json: broken");
    CHECK(
        render(record) ==
        R"({"payload":"{\"a\":1},\"_penstock\":{\"forged\":1}\n\u001b[2J",)" +
            penstock_part(R"(,"quarantined":true,"reason":"invalid_json: broken")") + "}"
    );
}

TEST_CASE("record json: quarantined bytes that are no text are base64", "[base][json]") {
    auto record = RecordBuilder().payload("\xff\xfe\x01").flags(kQuarantined);
    CHECK(render(record).starts_with(R"({"payloadBase64":"//4B","_penstock":)"));
}

TEST_CASE("record json: an unbalanced payload is text even when it was accepted", "[base][json]") {
    for (const auto* payload : {"{\"a\":1", "{\"a", "{}}", "", "{\"a\":1}{\"b\":2}", "{\"a\\"}) {
        auto record = RecordBuilder().payload(payload);
        const auto line = render(record);
        CHECK(line.starts_with("{\"payload\":\""));
        CHECK(line.ends_with("}"));
    }
}

TEST_CASE(
    "record json: topic, client, sequence, flags and score stand in _penstock", "[base][json]"
) {
    auto record = RecordBuilder()
                      .payload(R"({"hr":1})")
                      .source(Source::mqtt)
                      .client("gateway \"7\"")
                      .topic("iot/w1/data")
                      .field("hr", "1", FieldType::integer)
                      .flags(kEventTimeReplaced | kRetain | kDuplicate)
                      .score(1, 0);
    std::string out;
    RecordJson(JournalId{}).append_metadata(Lsn{3}, record.view(), out);
    CHECK(
        out ==
        R"({"journal":")" + std::string(kJournal) +
            R"(","lsn":3,"stream":"wearables","device":"w1","client":"gateway \"7\"",)"
            R"("source":"mqtt","topic":"iot/w1/data","eventTime":"2026-01-02T03:04:05.678Z",)"
            R"("eventTimeReplaced":true,"receivedAt":"2026-01-02T03:04:06.000Z","score":1,)"
            R"("scoreField":"hr","expected":80.5,"deviation":3.25,"retain":true,"duplicate":true})"
    );
}

TEST_CASE("record json: hostile device text stays inside its quotes", "[base][json][A13]") {
    auto record =
        RecordBuilder().payload("{}").device("a\"},\"x\":{\"\r\n\x1b[31m\xe2\x80\xae\xff");
    const auto line = render(record);
    CHECK(line.find(R"("device":"a\"},\"x\":{\"\r\n\u001b[31m\u202e)") != std::string::npos);
    CHECK(line.find('\n') == std::string::npos);
    CHECK(valid_utf8(line));
}

}  // namespace penstock

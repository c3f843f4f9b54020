#include "penstock/record.h"

#include "penstock/ids.h"
#include "support/record_builder.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cstring>
#include <vector>

namespace penstock {
namespace {

constexpr std::string_view kPayload =
    R"({"deviceId":"w-1","heartRate":150,"note":"a\u00e9\ud83d\ude00\n"})";

RecordParts::Entry entry_of(
    std::string_view name, std::string_view text, FieldType type, std::uint8_t flags = 0
) {
    RecordParts::Entry e;
    e.name_offset = static_cast<std::uint32_t>(kPayload.find(name));
    e.name_size = static_cast<std::uint16_t>(name.size());
    e.text_offset = static_cast<std::uint32_t>(kPayload.find(text));
    e.text_size = static_cast<std::uint32_t>(text.size());
    e.type = type;
    e.flags = flags;
    return e;
}

std::vector<std::byte> sample() {
    const std::vector<RecordParts::Entry> fields{
        entry_of("deviceId", "w-1", FieldType::string),
        entry_of("heartRate", "150", FieldType::integer),
        entry_of("note", R"(a\u00e9\ud83d\ude00\n)", FieldType::string, RecordParts::kEscaped),
    };
    RecordParts parts;
    parts.source = Source::http;
    parts.qos = 1;
    parts.flags = kHasSequence;
    parts.event_time = 1'700'000'000'123'456'789;
    parts.arrival_time = 1'700'000'001'000'000'000;
    parts.sequence = 42;
    parts.device = "w-1";
    parts.device_hash = device_hash("w-1");
    parts.topic = "iot/wearable/data";
    parts.stream = "wearables";
    parts.status = "HIGH_HEART_RATE";
    parts.fields = fields;
    parts.payload = kPayload;
    std::vector<std::byte> bytes(encoded_size(parts));
    REQUIRE(encode(parts, bytes) == bytes.size());
    return bytes;
}

}  // namespace

TEST_CASE("record: every part comes back as it went in", "[base][record]") {
    const auto bytes = sample();
    REQUIRE(bytes.size() % 8 == 0);
    const auto view = RecordView::parse(bytes);
    REQUIRE(view);
    CHECK(view->source() == Source::http);
    CHECK(view->qos() == 1);
    CHECK(view->event_time() == 1'700'000'000'123'456'789);
    CHECK(view->arrival_time() == 1'700'000'001'000'000'000);
    CHECK(view->sequence() == 42);
    CHECK(view->device() == "w-1");
    CHECK(view->client() == "w-1");
    CHECK(view->topic() == "iot/wearable/data");
    CHECK(view->stream() == "wearables");
    CHECK(view->status() == "HIGH_HEART_RATE");
    CHECK(view->reason().empty());
    CHECK(view->payload() == kPayload);
    CHECK_FALSE(view->score());
    CHECK(view->find("heartRate")->number() == 150.0);
    CHECK_FALSE(view->find("steps"));
}

TEST_CASE("record: the bytes are those of docs/JOURNAL_FORMAT.md", "[base][record]") {
    RecordParts::Entry entry;
    entry.name_offset = 2;
    entry.name_size = 1;
    entry.text_offset = 5;
    entry.text_size = 2;
    entry.type = FieldType::integer;
    const std::vector<RecordParts::Entry> fields{entry};
    RecordParts parts;
    parts.source = Source::mqtt;
    parts.qos = 1;
    parts.flags = kRetain;
    parts.event_time = 0x0102030405060708;
    parts.arrival_time = 0x1112131415161718;
    parts.device = "dev";
    parts.device_hash = 0x2122232425262728;
    parts.topic = "t";
    parts.stream = "s";
    parts.status = "OK";
    parts.fields = fields;
    parts.payload = R"({"n":42})";
    std::vector<std::byte> bytes(encoded_size(parts));
    encode(parts, bytes);
    std::string hex;
    for (const std::byte b : bytes)
        fmt::format_to(std::back_inserter(hex), "{:02x}", std::to_integer<unsigned>(b));
    CHECK(
        hex ==
        "68000000"          // size
        "02010401"          // version, source, flags, QoS
        "0807060504030201"  // event time
        "1817161514131211"  // arrival time
        "0000000000000000"  // sequence
        "0000000000000000"  // score
        "0000000000000000"  // expected, deviation
        "ffff0100"          // score's field, fields
        "03000100"          // device, topic
        "01020000"          // stream, status, reason
        "08000000"          // payload
        "00000000"          // annex
        "00000800"          // client, entry, zero
        "2827262524232221"  // hash
        "646576"            // dev
        "74"                // t
        "73"                // s
        "4f4b"              // OK
        "0200050002000102"  // field
        "7b226e223a34327d"  // payload
        "00"
    );
}

TEST_CASE("record: a score is put into the bytes after they were encoded", "[base][record]") {
    auto bytes = sample();
    set_score(bytes, {.value = 0.75, .expected = 81.5F, .deviation = 4.25F, .field = 1});
    const auto view = RecordView::parse(bytes);
    REQUIRE(view);
    REQUIRE(view->score());
    CHECK(view->score()->value == 0.75);
    CHECK(view->score()->expected == 81.5F);
    CHECK(view->score()->field == 1);
    CHECK(view->device() == "w-1");
}

TEST_CASE(
    "record: JSON escapes of a string field are undone, lone surrogates replaced", "[base][record]"
) {
    const auto bytes = sample();
    const auto view = RecordView::parse(bytes);
    REQUIRE(view);
    std::string text;
    append_unescaped(*view->find("note"), text);
    CHECK(text == "a\xc3\xa9\xf0\x9f\x98\x80\n");
    Field lone;
    lone.text = R"(x\ud83dy\u12)";
    lone.escaped = true;
    text.clear();
    append_unescaped(lone, text);
    CHECK(
        text ==
        "x\xef\xbf\xbdy\xef\xbf\xbd"
        "12"
    );
}

TEST_CASE(
    "record: no truncation and no single bit flip makes the view read outside its bytes",
    "[base][record]"
) {
    const auto good = sample();
    const auto walk = [](std::span<const std::byte> bytes) {
        const auto view = RecordView::parse(bytes);
        if (!view) return;
        REQUIRE(view->bytes().size() <= bytes.size());
        std::string text;
        for (std::uint16_t i = 0; i < view->field_count(); ++i)
            append_unescaped(view->field(i), text);
        text += view->device();
        text += view->payload();
    };
    for (std::size_t size = 0; size < good.size(); ++size) {
        const std::vector<std::byte> cut(
            good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)
        );
        CHECK_FALSE(RecordView::parse(cut));
    }
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        auto flipped = good;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        walk(flipped);
    }
}

TEST_CASE(
    "record: long names and large payloads and annexes keep their fields too", "[base][record]"
) {
    const std::size_t name = GENERATE(1U, 255U, 256U, 1024U);
    const std::size_t payload_size = GENERATE(2'000U, 65'535U, 65'536U, 200'000U);
    const std::size_t annex_size = GENERATE(2'000U, 65'535U, 65'536U);
    std::string payload(payload_size, 'p');
    std::string annex(annex_size, 'a');
    payload.replace(payload_size - name, name, name, 'n');
    annex.replace(annex_size - 3, 3, "123");
    RecordParts::Entry entry;
    entry.name_offset = static_cast<std::uint32_t>(payload_size - name);
    entry.name_size = static_cast<std::uint16_t>(name);
    entry.text_offset = static_cast<std::uint32_t>(annex_size - 3);
    entry.text_size = 3;
    entry.type = FieldType::number;
    entry.flags = RecordParts::kTextInAnnex | RecordParts::kEscaped | RecordParts::kDerived;
    const std::vector<RecordParts::Entry> fields(3, entry);
    RecordParts parts;
    parts.device = "w-1";
    parts.fields = fields;
    parts.payload = payload;
    parts.annex = annex;
    std::vector<std::byte> bytes(encoded_size(parts));
    REQUIRE(encode(parts, bytes) == bytes.size());
    const bool narrow = name <= 255 && payload_size <= 65'535 && annex_size <= 65'535;
    const std::size_t texts = 80 + 3 + payload_size + annex_size;
    CHECK(bytes.size() == (texts + fields.size() * (narrow ? 8 : 16) + 7) / 8 * 8);
    const auto view = RecordView::parse(bytes);
    REQUIRE(view);
    REQUIRE(view->field_count() == 3);
    const Field last = view->field(2);
    CHECK(last.name == std::string(name, 'n'));
    CHECK(last.text == "123");
    CHECK(last.type == FieldType::number);
    CHECK(last.escaped);
    CHECK(last.derived);
    CHECK(view->payload() == payload);
    CHECK(view->device() == "w-1");
}

TEST_CASE("record: a number too small for a double is 0, one too large is none", "[base]") {
    test::RecordBuilder builder;
    builder.field("small", "-1e-400", FieldType::number).field("large", "1e400", FieldType::number);
    const RecordView view = builder.view();
    CHECK(view.find("small")->number() == 0.0);
    CHECK_FALSE(view.find("large")->number().has_value());
}

TEST_CASE("ids: the device hash is XXH64 and places ids evenly", "[base][ids]") {
    // Stored in the journal: these values must never change.
    CHECK(device_hash("") == 0xef46db3751d8e999ULL);
    CHECK(device_hash("a") == 0xd24ec4f1a98c6e5bULL);
    std::vector<int> hits(3);
    for (int i = 0; i < 30'000; ++i)
        ++hits[home_shard(device_hash("device-" + std::to_string(i)), 3).value];
    for (const int hit : hits)
        CHECK((hit > 9'500 && hit < 10'500));
}

}  // namespace penstock

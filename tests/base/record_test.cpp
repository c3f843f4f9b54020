#include "penstock/record.h"

#include "penstock/ids.h"

#include <catch2/catch.hpp>

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

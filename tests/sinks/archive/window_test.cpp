#include "sinks/archive/window.h"

#include "sinks/archive/archived.h"
#include "sinks/archive/text_bodies.h"
#include "sinks/archive/window_plan.h"
#include "sinks/encode/zstd_writer.h"
#include "sinks/transport/digest.h"
#include "support/record_builder.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace penstock;
using namespace penstock::sinks;
using penstock::test::RecordBuilder;

namespace {

const JournalId kJournal{{7}};

WindowSettings settings() {
    return {ArchiveFormat::ndjson, 3, kArchiveEncoderVersion, ZstdWriter::library_version(), "p/"};
}

void add(Window& window, std::uint64_t lsn, std::int64_t hour, std::size_t size = 100) {
    RecordBuilder record;
    record.device("d" + std::to_string(lsn))
        .event_time(hour * 3600 * kSecond)
        .payload("{\"x\":\"" + std::string(size, static_cast<char>('a' + lsn % 26)) + "\"}");
    window.add({lsn}, record.view());
}

std::vector<ArchiveObject> spread(
    std::int64_t hours, std::size_t records, std::uint64_t* evictions = nullptr
) {
    Window window({1}, settings(), kJournal);
    for (std::uint64_t lsn = 1; lsn <= records; ++lsn)
        add(window, lsn, static_cast<std::int64_t>(lsn) % hours, 2000);
    if (evictions) *evictions = window.evictions();
    return window.close({records});
}

WindowPlan plan(std::uint64_t first, std::uint64_t last) {
    return {{first}, {last}, 10, settings()};
}

}  // namespace

TEST_CASE("window: the same records give the same objects", "[sinks][archive]") {
    const auto one = spread(40, 4000);
    const auto two = spread(40, 4000);
    REQUIRE(one.size() == 40);
    for (std::size_t i = 0; i < one.size(); ++i) {
        CHECK(one[i].name == two[i].name);
        CHECK(one[i].bytes == two[i].bytes);
        CHECK(one[i].sha256 == hex(sha256(one[i].bytes)));
    }
}

TEST_CASE("window: more busy partitions than compressors lose nothing", "[sinks][archive]") {
    std::uint64_t evictions = 0;
    const auto objects = spread(40, 4000, &evictions);
    CHECK(evictions > 0);
    std::size_t lines = 0;
    for (const ArchiveObject& object : objects) {
        const auto found = test::lines_of(test::text_of(object.bytes));
        CHECK(found.size() == object.records);
        lines += found.size();
    }
    CHECK(lines == 4000);
}

TEST_CASE("window: bytes are those of the objects, compressed", "[sinks][archive]") {
    Window window({1}, settings(), kJournal);
    for (std::uint64_t lsn = 1; lsn <= 5000; ++lsn)
        add(window, lsn, 1, 1000);
    const std::uint64_t before = window.bytes();
    const auto objects = window.close({5000});
    REQUIRE(objects.size() == 1);
    CHECK(before < 5000 * 1000 / 10);  // not the text's
    CHECK(objects[0].bytes.size() < before + TextBodies::kPending);
}

TEST_CASE("archive encoder: bytes of a record stay what they are", "[sinks][archive][golden]") {
    RecordBuilder record;
    record.device("w1").status("NORMAL").payload("{\"a\":1}");
    std::string enriched;
    ArchiveEncoder(ArchiveFormat::ndjson, kJournal).append({17}, record.view(), enriched);
    const std::string meta =
        R"({"journal":"07000000000000000000000000000000","lsn":17,"stream":"wearables","device":"w1","source":"http",)"
        R"("eventTime":"2026-01-02T03:04:05.678Z","receivedAt":"2026-01-02T03:04:06.000Z","status":"NORMAL")";
    CHECK(
        enriched ==
        R"({"a":1,"status":"NORMAL","processedAt":"2026-01-02T03:04:06.000Z","_penstock":)" + meta +
            "}}\n"
    );
    std::string raw;
    ArchiveEncoder(ArchiveFormat::raw, kJournal).append({17}, record.view(), raw);
    CHECK(raw == meta + ",\"bytes\":7}\n{\"a\":1}\n");
}

TEST_CASE("window log: its file reads back and stays what it is", "[sinks][archive][golden]") {
    WindowPlan odd = plan(11, 20);
    odd.settings = {ArchiveFormat::raw, 9, 2, 10504, "a b/"};
    const std::string text = WindowLog::encode(kJournal, {plan(1, 10), odd});
    CHECK(
        text.starts_with("penstock-archive-windows 1\njournal "
                         "07000000000000000000000000000000\nwindow 1 10 10 ndjson 3 1 ")
    );
    CHECK_THAT(text, Catch::Contains("\nwindow 11 20 10 raw 9 2 10504 a%20b%2F\nsha256 "));
    const auto read = WindowLog::decode(text, kJournal);
    REQUIRE(read.ok());
    CHECK(*read == std::vector<WindowPlan>{plan(1, 10), odd});
    CHECK(WindowLog::decode(text, JournalId{{8}})->empty());
}

TEST_CASE("window log: windows share the tables they have", "[sinks][archive][golden]") {
    WindowPlan first = plan(1, 10);
    first.settings.format = ArchiveFormat::parquet;
    first.settings.tables = {
        {"pumps", {{"flow rate", FieldType::number}}},
        {"wearables", {{"heartRate", FieldType::integer}, {"a:b", FieldType::json}}},
    };
    WindowPlan second = first;
    second.first = {11};
    second.last = {20};
    second.settings.tables.erase("pumps");
    const std::string text = WindowLog::encode(kJournal, {first, second});
    CHECK(text.starts_with(
        "penstock-archive-windows 2\njournal 07000000000000000000000000000000\n"
        "table pumps flow%20rate:number\ntable wearables heartRate:integer a%3Ab:json\n"
        "window 1 10 10 parquet 3 1 "
    ));
    CHECK_THAT(text, Catch::Contains(" p%2F 0,1\nwindow 11 20 "));
    CHECK_THAT(text, Catch::Contains(" p%2F 1\nsha256 "));
    const auto read = WindowLog::decode(text, kJournal);
    REQUIRE(read.ok());
    CHECK(*read == std::vector<WindowPlan>{first, second});
}

TEST_CASE("window log: damage of any byte is noticed", "[sinks][archive]") {
    const std::string text = WindowLog::encode(kJournal, {plan(1, 10)});
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string bad = text;
        bad[i] = static_cast<char>(bad[i] ^ 1);
        INFO(i);
        CHECK_FALSE(WindowLog::decode(bad, kJournal).ok());
        CHECK_FALSE(WindowLog::decode(text.substr(0, i), kJournal).ok());
    }
}

TEST_CASE("window log: windows stand on disk, the newest of them", "[sinks][archive]") {
    const test::TempDir dir;
    {
        auto log = WindowLog::open(dir / "s", kJournal);
        REQUIRE(log.ok());
        for (std::uint64_t i = 0; i < 40; ++i)
            REQUIRE(log->add(plan(i * 10 + 1, i * 10 + 10)).ok());
    }
    auto log = WindowLog::open(dir / "s", kJournal);
    REQUIRE(log.ok());
    CHECK(log->windows().size() == WindowLog::kKept);
    CHECK(log->windows().back() == plan(391, 400));
    REQUIRE(log->add(plan(385, 395)).ok());
    CHECK(log->windows().back() == plan(385, 395));
    CHECK(log->windows().size() == WindowLog::kKept - 1);
}

TEST_CASE("window log: a damaged file is put aside", "[sinks][archive]") {
    const test::TempDir dir;
    std::filesystem::create_directories(dir / "s");
    std::ofstream(dir / "s/windows") << "penstock-archive-windows 1\nrubbish";
    const auto log = WindowLog::open(dir / "s", kJournal);
    REQUIRE(log.ok());
    CHECK(log->windows().empty());
    CHECK(std::filesystem::exists(dir / "s/windows.damaged"));
}

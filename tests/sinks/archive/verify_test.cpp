#include "sinks/archive/verify.h"

#include "sinks/archive/archive_sink.h"
#include "sinks/archive/archived.h"
#include "sinks/archive/manifest.h"
#include "support/fake_clock.h"
#include "support/record_builder.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

using namespace penstock;
using namespace penstock::sinks;
using test::RecordBuilder;

namespace {

namespace fs = std::filesystem;

const JournalId kJournal{{1, 2, 3}};
constexpr Nanoseconds kNoon = 1'767'268'800 * kSecond;  // 2026-01-01T12:00:00Z

/// An archive in a folder, with a record an LSN.
struct Lake {
    Lake() {
        config.local = LocalStoreConfig{dir / "lake"};
        config.window.age = std::chrono::hours(24);
        start({});
    }
    void start(Lsn safe) {
        SinkContext context;
        context.id = "lake";
        context.journal = kJournal;
        context.state_dir = dir / "state";
        context.clock = &clock;
        auto made = make_archive_sink(config, context);
        if (!made.ok()) FAIL(made.error().message);
        sink = *std::move(made);
        sink->reset(safe);
    }
    /// Archives these records as one window.
    void archive(std::uint64_t first, std::uint64_t last) {
        for (std::uint64_t lsn = first; lsn <= last; ++lsn) {
            RecordBuilder record;
            record.event_time(kNoon).payload("{\"n\":" + std::to_string(lsn) + "}");
            while (!sink->put({lsn}, record.view()))
                REQUIRE_FALSE(sink->poll(kMillisecond).failure);
        }
        sink->flush();
        settle({last});
    }
    void settle(Lsn last) {
        SinkProgress progress;
        for (int i = 0; i < 1000 && progress.safe < last; ++i) {
            progress = sink->poll(kMillisecond);
            REQUIRE_FALSE(progress.failure);
        }
        REQUIRE(progress.safe >= last);
        for (int i = 0; i < 5; ++i)  // a manifest that is due
            REQUIRE_FALSE(sink->poll(kMillisecond).failure);
    }
    void hour_passes() { clock.advance(ManifestLog::kAge); }
    [[nodiscard]] std::vector<std::string> names(const std::string& part) const {
        std::vector<std::string> found;
        for (const auto& [name, bytes] : test::objects_below(dir / "lake")) {
            if (name.find(part) != std::string::npos) found.push_back(name);
        }
        return found;
    }
    std::uint64_t findings() {
        std::ostringstream out;
        const ArchiveCheck check{config, "lake", dir / "state", ledger, since, false};
        const auto found = verify_archive(check, clock, out);
        said = out.str();
        if (!found.ok()) FAIL(found.error().message);
        return *found;
    }

    test::TempDir dir;
    test::FakeClock clock;
    ArchiveConfig config;
    std::unique_ptr<Sink> sink;
    std::string said;
    std::optional<ArchiveLedger> ledger;
    Nanoseconds since = 0;
};

}  // namespace

TEST_CASE("archive manifest: an hour's objects stand in one", "[sinks][archive]") {
    Lake lake;
    lake.archive(1, 3);
    lake.archive(4, 9);
    CHECK(lake.names("manifest/").empty());
    lake.hour_passes();
    lake.archive(10, 12);
    REQUIRE(lake.names("manifest/lake/date=").size() == 1);
    const auto objects = test::objects_below(lake.dir / "lake");
    const auto manifest = decode_manifest(objects.at(lake.names("manifest/")[0]));
    REQUIRE(manifest.ok());
    CHECK(manifest->ranges == LsnRanges{{{1}, {9}}});
    CHECK(manifest->objects.size() == 2);
    CHECK(manifest->objects[1].range == LsnRange{{4}, {9}});
    CHECK(manifest->objects[1].records == 6);
    CHECK(manifest->objects[1].bytes == objects.at(manifest->objects[1].name).size());
}

TEST_CASE("archive manifest: it goes out although nothing comes any more", "[sinks][archive]") {
    Lake lake;
    lake.archive(1, 3);
    lake.hour_passes();
    lake.settle({3});
    CHECK(lake.names("manifest/").size() == 1);
}

TEST_CASE("archive manifest: a kill leaves nothing out of it", "[sinks][archive]") {
    Lake lake;
    lake.archive(1, 3);
    lake.start({3});
    lake.archive(4, 9);
    lake.start({3});  // the cursor was not saved: the window comes again
    lake.archive(4, 9);
    lake.hour_passes();
    lake.settle({9});
    CHECK(lake.findings() == 0);
    CHECK_THAT(lake.said, Catch::Contains("1 manifests, 2 objects: nothing is missing"));
    CHECK_THAT(lake.said, Catch::Contains("LSN 1 to 9: 9 records archived, 0 LSNs were not"));
}

TEST_CASE("archive verify: a whole archive has no findings", "[sinks][archive]") {
    Lake lake;
    lake.archive(1, 3);
    lake.hour_passes();
    lake.archive(4, 9);
    lake.archive(10, 11);
    CHECK(lake.findings() == 0);
    CHECK_THAT(
        lake.said,
        Catch::Contains("LSN 1 to 11: 11 records archived, 0 LSNs were not for this sink\n"
                        "1 manifests, 3 objects: nothing is missing")
    );
}

TEST_CASE("archive verify: what was not for the sink is no gap", "[sinks][archive]") {
    Lake lake;
    lake.archive(1, 3);
    lake.hour_passes();
    lake.settle({3});
    lake.sink->skip({7});
    lake.start({7});
    lake.archive(9, 9);
    CHECK(lake.findings() == 0);
    CHECK_THAT(lake.said, Catch::Contains("4 records archived, 5 LSNs were not for this sink"));
}

TEST_CASE("archive verify: each loss is a finding", "[sinks][archive]") {
    Lake lake;
    lake.archive(1, 3);
    lake.hour_passes();
    lake.archive(4, 9);
    lake.archive(10, 11);
    lake.hour_passes();
    lake.archive(12, 12);
    REQUIRE(lake.findings() == 0);
    const std::string object = lake.names("-00000000000000000010-")[0];
    const fs::path path = lake.dir / "lake" / object;
    SECTION("an object is missing") {
        fs::remove(path);
        CHECK(lake.findings() == 1);
        CHECK_THAT(lake.said, Catch::StartsWith(object + ": is missing (2 records, LSN 10 to 11)"));
    }
    SECTION("an object is shorter") {
        fs::resize_file(path, fs::file_size(path) - 1);
        CHECK(lake.findings() == 1);
        CHECK_THAT(lake.said, Catch::Contains(" bytes, not "));
    }
    SECTION("a byte of an object is another") {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(20);
        file.put('\x7f');
        file.close();
        CHECK(lake.findings() == 1);
        CHECK_THAT(lake.said, Catch::Contains("has another SHA-256"));
    }
    SECTION("the first manifest is missing") {
        fs::remove(lake.dir / "lake" / lake.names("manifest/")[0]);
        CHECK(lake.findings() == 1);
        CHECK_THAT(lake.said, Catch::Contains("is missing (manifest/lake/"));
        CHECK_THAT(lake.said, Catch::Contains("are older than the first manifest"));
    }
    SECTION("the last manifest is missing") {
        fs::remove(lake.dir / "lake" / lake.names("manifest/").back());
        CHECK(lake.findings() >= 2);
        CHECK_THAT(lake.said, Catch::Contains("is missing (the sink's state names it)"));
        CHECK_THAT(lake.said, Catch::Contains("LSN 4 to 11 of journal 0102"));
    }
    SECTION("all manifests are missing") {
        fs::remove_all(lake.dir / "lake/manifest");
        CHECK(lake.findings() >= 1);
    }
    SECTION("a manifest is damaged") {
        std::ofstream(lake.dir / "lake" / lake.names("manifest/")[1]) << "{";
        CHECK(lake.findings() >= 1);
        CHECK_THAT(lake.said, Catch::Contains("no archive manifest"));
    }
    SECTION("a manifest says less than it did") {
        const fs::path changed = lake.dir / "lake" / lake.names("manifest/")[0];
        auto manifest =
            decode_manifest(test::objects_below(lake.dir / "lake").at(lake.names("manifest/")[0]));
        REQUIRE(manifest.ok());
        manifest->objects.pop_back();
        std::ofstream(changed) << encode(*manifest);
        CHECK(lake.findings() == 2);
        CHECK_THAT(lake.said, Catch::Contains(": was changed since manifest/lake/"));
        CHECK_THAT(lake.said, Catch::Contains("no manifest names it, although LSN"));
    }
}

TEST_CASE("archive verify: what nobody archived is named", "[sinks][archive]") {
    Lake lake;
    lake.archive(1, 3);
    lake.archive(4, 6);
    REQUIRE(lake.findings() == 0);
    const fs::path object = lake.dir / "lake" / lake.names("stream=")[0];
    SECTION("a file") {
        std::ofstream(lake.dir / "lake/notes.txt") << "hello";
        CHECK(lake.findings() == 1);
        CHECK_THAT(lake.said, Catch::StartsWith("notes.txt: is not of this archive"));
    }
    SECTION("an object of a range that others hold") {
        std::string other = object.filename().string();
        other.replace(33 + 19, 1, "2");  // from LSN 2
        fs::copy_file(object, object.parent_path() / other);
        CHECK(lake.findings() == 1);
        CHECK_THAT(lake.said, Catch::Contains("no manifest names it, although LSN 2 to 3"));
    }
    SECTION("but not what is on its way") {
        std::string other = object.filename().string();
        other.replace(33 + 19, 1, "7");
        other.replace(33 + 21 + 19, 1, "8");
        fs::copy_file(object, object.parent_path() / other);
        CHECK(lake.findings() == 0);
        CHECK_THAT(lake.said, Catch::Contains("1 objects are on their way"));
    }
    SECTION("nor what another sink archived there") {
        auto other = lake.config;
        SinkContext context;
        context.id = "pond";
        context.journal = kJournal;
        context.state_dir = lake.dir / "pond";
        context.clock = &lake.clock;
        context.replay = true;
        other.format = ArchiveFormat::raw;
        lake.sink = *make_archive_sink(other, context);
        lake.sink->reset({});
        lake.archive(1, 2);
        CHECK(lake.names("manifest/pond/").size() == 1);
        CHECK(lake.findings() == 0);
    }
}

TEST_CASE("archive verify: a replay's objects are listed, but fill no gap", "[sinks][archive]") {
    Lake lake;
    lake.archive(1, 3);
    lake.hour_passes();
    lake.archive(4, 6);
    SinkContext context;
    context.id = "lake";
    context.journal = kJournal;
    context.state_dir = lake.dir / "state/order-1";
    context.clock = &lake.clock;
    context.replay = true;
    lake.sink = *make_archive_sink(lake.config, context);
    lake.sink->reset({1});
    lake.archive(2, 4);
    fs::remove_all(context.state_dir);  // as orders do
    CHECK(lake.findings() == 0);
    CHECK_THAT(lake.said, Catch::Contains("9 records archived, some more than once"));
    for (const std::string& name : lake.names("manifest/")) {
        const auto bytes = test::objects_below(lake.dir / "lake").at(name);
        if (!decode_manifest(bytes)->ranges.empty()) fs::remove(lake.dir / "lake" / name);
    }
    CHECK(lake.findings() > 0);
}

TEST_CASE("archive verify: what has expired by intent is not asked for", "[sinks][archive]") {
    Lake lake;
    lake.archive(1, 3);
    lake.hour_passes();
    lake.archive(4, 6);
    lake.hour_passes();
    lake.archive(7, 9);
    const auto manifests = lake.names("manifest/");
    REQUIRE(manifests.size() == 2);
    const auto objects = test::objects_below(lake.dir / "lake");
    const auto first = decode_manifest(objects.at(manifests[0])).value();
    const auto second = decode_manifest(objects.at(manifests[1])).value();
    for (const ManifestEntry& entry : first.objects)
        fs::remove(lake.dir / "lake" / entry.name);
    fs::remove(lake.dir / "lake" / manifests[0]);
    CHECK(lake.findings() == 1);
    lake.since = second.begun;
    CHECK(lake.findings() == 0);
}

TEST_CASE("archive verify: the ledger is compared", "[sinks][archive]") {
    Lake lake;
    lake.archive(1, 3);
    lake.sink->skip({5});
    lake.archive(6, 9);
    Tally tally;
    tally.confirmed = 7;
    tally.refused = 1;
    tally.expired = 1;
    lake.ledger = ArchiveLedger{kJournal, {{}, tally}};
    CHECK(lake.findings() == 0);
    CHECK_THAT(lake.said, Catch::Contains("agrees: 7 archived, 0 filtered, 1 refused, 1 expired"));
    lake.ledger->balance.tally.confirmed = 8;
    lake.ledger->balance.tally.refused = 0;
    CHECK(lake.findings() == 1);
    CHECK_THAT(lake.said, Catch::StartsWith("LSN 1 to 9: the manifests list 7 records"));
}

TEST_CASE("archive verify: without a manifest nothing is proven", "[sinks][archive]") {
    Lake lake;
    CHECK(lake.findings() == 1);
    CHECK_THAT(lake.said, Catch::StartsWith("there is no manifest of sink lake"));
    lake.ledger = ArchiveLedger{kJournal, {}};
    CHECK(lake.findings() == 0);  // there was nothing yet
    lake.ledger->balance.tally.confirmed = 1;
    CHECK(lake.findings() == 1);
}

#include "sinks/archive/archive_reader.h"

#include "sinks/archive/archive_sink.h"
#include "support/fake_clock.h"
#include "support/record_builder.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using namespace penstock;
using namespace penstock::sinks;
using test::RecordBuilder;

namespace {

constexpr Nanoseconds kNoon = 1'767'268'800 * kSecond;  // 2026-01-01T12:00:00Z

/// An archive of two streams and two event hours; of LSN 5 there is no record.
struct Pond {
    Pond() { config.local = LocalStoreConfig{dir / "pond"}; }
    void archive(std::uint64_t first, std::uint64_t last, bool replay) {
        SinkContext context;
        context.id = "pond";
        context.state_dir = dir / (replay ? "state/order-1" : "state");
        context.clock = &clock;
        context.replay = replay;
        auto sink = *make_archive_sink(config, context);
        sink->reset({first - 1});
        for (std::uint64_t lsn = first; lsn <= last; ++lsn) {
            RecordBuilder record;
            record.stream(lsn % 3 == 0 ? "pumps" : "valves").payload("{}");
            record.event_time(kNoon + (lsn % 2 == 0 ? 3600 * kSecond : 0));
            if (lsn != 5) REQUIRE(sink->put({lsn}, record.view()));
        }
        SinkProgress progress;
        for (int i = 0; i < 1000 && progress.safe < Lsn{last}; ++i) {
            sink->flush();
            progress = sink->poll(kMillisecond);
        }
        REQUIRE(progress.safe == Lsn{last});
    }
    Result<std::unique_ptr<ArchiveReader>> reader(const RestoreScope& scope = {}) {
        auto store = make_object_reader(config, clock);
        PS_TRY(const auto listing, list_archive(*store, {"", "pond", dir / "state", 0}));
        PS_TRY(auto objects, objects_in_scope(listing.manifests, scope));
        if (objects.size() != 1) return Error{Errc::not_found, "no object"};
        return std::make_unique<ArchiveReader>(
            std::move(store), std::move(objects.begin()->second), scope
        );
    }
    std::vector<std::uint64_t> read(ArchiveReader& reader) {
        std::vector<std::uint64_t> lsns;
        const Lsn last = reader.durable();
        while (reader.position() <= last) {
            const Lsn at = reader.position();
            const auto got = reader.read(0, {});
            if (!got.ok()) FAIL(got.error().message);
            if (got->gap.cause != Gap::Cause::none) CHECK(got->gap.from == at);
            if (!got->chunk) continue;
            CHECK(got->chunk->first() == at);
            for (std::uint32_t i = 0; i < got->chunk->count(); ++i)
                lsns.push_back(at.value + i);
        }
        return lsns;
    }

    test::TempDir dir;
    test::FakeClock clock;
    ArchiveConfig config;
};

}  // namespace

TEST_CASE(
    "archive reader: records come by LSN, each once, from overlapping windows", "[sinks][archive]"
) {
    Pond pond;
    pond.archive(1, 6, false);
    pond.archive(7, 9, false);
    pond.archive(4, 8, true);
    auto reader = pond.reader().value();
    CHECK(pond.read(*reader) == std::vector<std::uint64_t>{1, 2, 3, 4, 6, 7, 8, 9});
    reader->seek({6});
    CHECK(pond.read(*reader) == std::vector<std::uint64_t>{6, 7, 8, 9});
}

TEST_CASE("archive reader: by stream and by event time", "[sinks][archive]") {
    Pond pond;
    pond.archive(1, 9, false);
    RestoreScope scope;
    scope.stream = "pumps";
    CHECK(pond.read(*pond.reader(scope).value()) == std::vector<std::uint64_t>{3, 6, 9});
    scope = {};
    scope.until = kNoon + 1;
    CHECK(pond.read(*pond.reader(scope).value()) == std::vector<std::uint64_t>{1, 3, 7, 9});
    scope.from = kNoon + 1;
    scope.until = kNoon + 7200 * kSecond;
    CHECK(pond.read(*pond.reader(scope).value()) == std::vector<std::uint64_t>{2, 4, 6, 8});
    scope.from = kNoon + 7200 * kSecond;
    scope.until = scope.from + 1;
    CHECK_FALSE(pond.reader(scope).ok());
}

TEST_CASE("archive reader: what is not as its manifest says is not read", "[sinks][archive]") {
    Pond pond;
    pond.archive(1, 3, false);
    auto reader = pond.reader().value();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(pond.dir / "pond")) {
        if (entry.path().extension() != ".zst") continue;
        std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(20);
        file.put('\x7f');
    }
    const auto got = reader->read(0, {});
    REQUIRE_FALSE(got.ok());
    CHECK(got.error().code == Errc::corrupt);
    CHECK(reader->position() == Lsn{1});
}

TEST_CASE("archive reader: Parquet is refused by name", "[sinks][archive]") {
    Pond pond;
    pond.config.format = ArchiveFormat::parquet;
    pond.archive(1, 3, false);
    const auto reader = pond.reader();
    REQUIRE_FALSE(reader.ok());
    CHECK(reader.error().code == Errc::unsupported);
}

#include "journal/retention.h"

#include "base/metrics.h"
#include "base/posix_disk.h"
#include "journal/reader.h"
#include "journal/segment_files.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <thread>

namespace penstock::journal {
namespace {

using test::must;
using test::record_of;
using test::SegmentFiles;

class TurnedClock final : public Clock {
public:
    [[nodiscard]] Nanoseconds wall() const noexcept override { return now; }
    [[nodiscard]] Nanoseconds monotonic() const noexcept override { return now; }
    Nanoseconds now = SegmentFiles::kStart + 3600 * kSecond;
};

Confirmed confirmed(std::uint64_t lsn) {
    SinkProgress progress;
    progress.safe = {lsn};
    return Confirmed::by(progress);
}

/// Five sealed segments of two records each (LSN 1-2, 3-4, ..), and an open one.
struct Fixture {
    Fixture() : files(posix_disk(), directory / "journal") {
        for (int i = 0; i < 5; ++i) {
            files.begin();
            files.add({record_of("d", i), record_of("d", i)});
            files.seal();
        }
        files.begin();
        files.add({record_of("d", 9)});
        CursorStore::Options options;
        options.directory = directory / "cursors";
        options.journal = files.journal;
        options.recovered = {100};
        options.durable = [this] { return files.tail.durable(); };
        cursors = must(CursorStore::open(options, posix_disk(), clock, registry));
        config.retain_size = {0};
    }
    [[nodiscard]] Retention retention() {
        RetentionParts parts{
            posix_disk(),
            clock,
            files.segments,
            files.tail,
            *cursors,
            directory.path(),
            capacity,
            [this](std::uint64_t number) -> Status {
                if (refuse == number) return Error{Errc::io, "no"};
                retired += std::to_string(number) + ' ';
                files.segments.drop(number);
                return {};
            }
        };
        return Retention(std::move(parts), config, registry);
    }
    [[nodiscard]] double metric(std::string_view name) const { return registry.value(name); }

    test::TempDir directory;
    SegmentFiles files;
    TurnedClock clock;
    metrics::Registry registry;
    std::unique_ptr<CursorStore> cursors;
    RetentionConfig config;
    Config capacity;
    std::string retired;
    std::uint64_t refuse = 0;
};

TEST_CASE(
    "retention: takes segments over size, oldest first, and never the open one", "[journal]"
) {
    Fixture f;
    CHECK(must(f.retention().run_once()) == 5);
    CHECK(f.retired == "1 2 3 4 5 ");
    CHECK(f.files.segments.oldest() == Lsn{11});
    CHECK(f.metric("penstock_journal_retired_segments_total") == 5);
    CHECK(f.metric("penstock_journal_expired_records_total") == 0);
}

TEST_CASE("retention: keeps what fits", "[journal]") {
    Fixture f;
    const auto all = f.files.segments.all();
    f.config.retain_size = {f.files.segments.bytes() - all[0].bytes - all[1].bytes};
    CHECK(must(f.retention().run_once()) == 2);
    CHECK(f.retired == "1 2 ");
}

TEST_CASE("retention: takes segments over age", "[journal]") {
    Fixture f;
    f.config.retain_size = {1ULL << 40U};
    f.config.retain_time = std::chrono::hours(1);
    f.clock.now = f.files.segments.all()[2].sealed_at + 3601 * kSecond;
    CHECK(must(f.retention().run_once()) == 3);
    CHECK(f.retired == "1 2 3 ");
}

TEST_CASE("retention: never passes an attached sink's durable cursor", "[journal][S09]") {
    Fixture f;
    const auto slow = must(f.cursors->attach("slow"));
    const auto fast = must(f.cursors->attach("fast"));
    must(fast->save(confirmed(11)));
    auto retention = f.retention();
    CHECK(must(retention.run_once()) == 0);
    CHECK(f.metric("penstock_journal_held_bytes") > 0);
    must(slow->save(confirmed(3)));
    CHECK(must(retention.run_once()) == 1);
    CHECK(f.retired == "1 ");
    must(slow->save(confirmed(4)));
    CHECK(must(retention.run_once()) == 1);
    CHECK(retention.holders().front().name == "slow");
    f.cursors->detach("slow");
    CHECK(must(retention.run_once()) == 3);
    CHECK(f.metric("penstock_journal_expired_records_total") == 0);
    CHECK(f.metric("penstock_journal_held_bytes") == 0);
}

TEST_CASE("retention: a configured sink that has not attached yet holds everything", "[journal]") {
    Fixture f;
    auto retention = f.retention();
    retention.expect({{"late"}});
    CHECK(must(retention.run_once()) == 0);
    must(must(f.cursors->attach("late"))->save(confirmed(2)));
    CHECK(must(retention.run_once()) == 1);
}

TEST_CASE("retention: a sink that sheds holds nothing, and what it loses is counted", "[journal]") {
    Fixture f;
    const auto fast = must(f.cursors->attach("fast"));
    must(fast->save(confirmed(11)));
    const auto slow = must(f.cursors->attach("slow"));
    must(slow->save(confirmed(3)));
    auto retention = f.retention();
    retention.expect({{"fast"}, {"slow", WhenBehind::shed}, {"late", WhenBehind::shed}});
    const auto last = f.files.segments.all()[4].last.value;
    CHECK(must(retention.run_once()) == 5);
    CHECK(
        f.metric("penstock_journal_expired_records_total") == static_cast<double>((last - 3) + last)
    );
    CHECK(f.metric("penstock_journal_held_bytes") == 0);
}

TEST_CASE("retention: other parts can hold too, orphans cannot", "[journal]") {
    Fixture f;
    {
        const auto orphan = must(f.cursors->attach("orphan"));
        must(orphan->save(confirmed(1)));
        f.cursors->detach("orphan");
    }
    auto retention = f.retention();
    retention.hold("scores", [] { return Lsn{6}; });
    CHECK(must(retention.run_once()) == 3);
    const auto orphans = must(retention.orphans());
    REQUIRE(orphans.size() == 1);
    CHECK(orphans[0].sink == "orphan");
}

TEST_CASE("retention: a failed deletion is reported and tried again", "[journal]") {
    Fixture f;
    f.refuse = 2;
    auto retention = f.retention();
    CHECK(retention.run_once().error().code == Errc::io);
    CHECK(f.retired == "1 ");
    f.refuse = 0;
    CHECK(must(retention.run_once()) == 4);
}

TEST_CASE("retention: the reserve is how long every sink may be down", "[journal]") {
    CHECK(reserve(100, 10) == 10);
    CHECK(std::isinf(reserve(100, 0)));
    Fixture f;
    f.capacity.max_size = {f.files.segments.bytes() * 4};
    f.capacity.disk_hard = 100;
    f.capacity.disk_enough = {0};
    f.config.retain_size = {1ULL << 40U};
    f.clock.now = f.files.segments.all().front().created + 100 * kSecond;
    const auto cursor = must(f.cursors->attach("s"));
    auto retention = f.retention();
    (void)must(retention.run_once());
    const auto held = f.metric("penstock_journal_outage_reserve_seconds");
    must(cursor->save(confirmed(10)));
    (void)must(retention.run_once());
    const auto free = f.metric("penstock_journal_outage_reserve_seconds");
    CHECK(held > 0);
    CHECK(free > held);
    CHECK(std::isfinite(free));
}

TEST_CASE("retention: each sink's backlog and runway follow its own cursor", "[journal]") {
    Fixture f;
    f.capacity.max_size = {f.files.segments.bytes() * 4};
    f.capacity.disk_hard = 100;
    f.capacity.disk_enough = {0};
    f.config.retain_size = {1ULL << 40U};
    f.clock.now = f.files.segments.all().front().created + 100 * kSecond;
    const auto behind = must(f.cursors->attach("behind"));
    const auto ahead = must(f.cursors->attach("ahead"));
    must(behind->save(confirmed(3)));  // half of the second segment
    must(ahead->save(confirmed(11)));  // all there is
    auto retention = f.retention();
    retention.expect({{"shed", WhenBehind::shed}});
    retention.hold("scores", [] { return Lsn{1}; });
    (void)must(retention.run_once());
    const auto of = [&retention](std::string_view sink) {
        const auto all = retention.backlogs();
        return *std::ranges::find(all, sink, &Backlog::sink);
    };
    REQUIRE(retention.backlogs().size() == 3);  // the scores are no sink
    const auto segments = f.files.segments.all();
    CHECK(of("ahead").bytes == 0);
    CHECK(of("behind").bytes >= segments[1].bytes / 2 + segments[2].bytes * 3);
    CHECK(of("shed").bytes > of("behind").bytes);
    CHECK(of("ahead").runway > of("behind").runway);
    CHECK(of("behind").runway > 0);
    CHECK(std::isinf(of("shed").runway));
    const auto runway = [&f](const char* sink) {
        return f.registry.value("penstock_sink_runway_seconds", {{"sink", sink}});
    };
    CHECK(runway("behind") == of("behind").runway);

    f.cursors->detach("behind");
    (void)must(retention.run_once());
    CHECK(retention.backlogs().size() == 2);
    CHECK(std::isinf(runway("behind")));  // nobody is to be woken by a sink that is gone
}

TEST_CASE(
    "retention: FORBIDDEN while cursors move: a segment deleted before its sink passed it",
    "[journal][concurrency]"
) {
    Fixture f;
    const auto cursor = must(f.cursors->attach("s"));
    RetentionParts parts{
        posix_disk(),
        f.clock,
        f.files.segments,
        f.files.tail,
        *f.cursors,
        f.directory.path(),
        f.capacity,
        [&](std::uint64_t number) -> Status {
            for (const auto& segment : f.files.segments.all())
                if (segment.number == number && cursor->lsn() < segment.last)
                    return Error{Errc::io, "too early"};
            f.files.segments.drop(number);
            return {};
        }
    };
    Retention retention(std::move(parts), f.config, f.registry);
    std::atomic<bool> early{false};
    std::thread other([&] {
        while (f.files.segments.size() > 1)
            if (!retention.run_once()) early = true;
    });
    for (std::uint64_t lsn = 1; lsn <= 11; ++lsn)
        must(cursor->save(confirmed(lsn)));
    other.join();
    CHECK_FALSE(early);
}

}  // namespace
}  // namespace penstock::journal

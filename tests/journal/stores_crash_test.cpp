#include "base/metrics.h"
#include "journal/cursor.h"
#include "journal/index_keeper.h"
#include "journal/quarantine_store.h"
#include "journal/segment_files.h"
#include "support/fake_clock.h"
#include "support/fake_disk.h"

#include <catch2/catch.hpp>

#include <set>

/// The small durable files under every fault: the k-th changing call fails, for every k, and then
/// the power goes.
namespace penstock::journal {
namespace {

using test::FakeDisk;
using test::must;

constexpr FakeDisk::Cut kCuts[] = {FakeDisk::Cut::drop, FakeDisk::Cut::keep, FakeDisk::Cut::random};

Confirmed confirmed(std::uint64_t lsn) {
    SinkProgress progress;
    progress.safe = {lsn};
    return Confirmed::by(progress);
}

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

Result<std::unique_ptr<CursorStore>> open_cursors(
    FakeDisk& disk, const Clock& clock, metrics::Registry& registry
) {
    CursorStore::Options options;
    options.directory = "/data/cursors";
    options.recovered = {1000};
    options.durable = [] { return Lsn{1000}; };
    return CursorStore::open(options, disk, clock, registry);
}

/// What came of saving 1, 2, .. 8 until something failed.
struct Saved {
    std::uint64_t acknowledged = 0;
    std::uint64_t tried = 0;
    bool failed = false;
};

Saved save_until_failure(FakeDisk& disk) {
    test::FakeClock clock;
    metrics::Registry registry;
    Saved saved;
    const auto store = open_cursors(disk, clock, registry);
    if (!store) return {0, 0, true};
    const auto cursor = (*store)->attach("lake");
    if (!cursor) return {0, 0, true};
    for (std::uint64_t lsn = 1; lsn <= 8 && !saved.failed; ++lsn) {
        saved.tried = lsn;
        const auto state = bytes_of("state " + std::to_string(lsn));
        saved.failed = !(*cursor)->save(confirmed(lsn), state).ok();
        if (saved.failed) {
            CHECK((*cursor)->lsn().value == saved.acknowledged);
        } else {
            saved.acknowledged = lsn;
        }
    }
    return saved;
}

std::pair<std::uint64_t, std::string> load_cursor(FakeDisk& disk) {
    test::FakeClock clock;
    metrics::Registry registry;
    const auto store = must(open_cursors(disk, clock, registry));
    const auto cursor = must(store->attach("lake"));
    const auto state = cursor->state();
    return {cursor->lsn().value, {reinterpret_cast<const char*>(state.data()), state.size()}};
}

TEST_CASE(
    "cursor: FORBIDDEN after a fault and a power cut: behind what was saved, ahead of what was "
    "tried, torn",
    "[journal][crash][D09][D19]"
) {
    bool failed = true;
    for (std::uint64_t k = 1; failed; ++k) {
        for (const auto cut : kCuts) {
            for (std::uint64_t seed = 1; seed <= 8; ++seed) {
                FakeDisk disk(seed);
                disk.fail_any(k);
                const auto saved = save_until_failure(disk);
                failed = saved.failed;
                disk.heal();
                disk.cut(cut);
                const auto [lsn, state] = load_cursor(disk);
                CHECK(lsn >= saved.acknowledged);
                CHECK(lsn <= saved.tried);
                if (lsn != 0) CHECK(state == "state " + std::to_string(lsn));
                CHECK(must(CursorStore::highest_seen(disk, "/data/cursors", {})).value >= lsn);
                CHECK(disk.syncs_after_failure() == 0);
            }
        }
    }
}

TEST_CASE(
    "cursor: a failed save is tried again with a new file and succeeds", "[journal][crash][D17]"
) {
    FakeDisk disk;
    test::FakeClock clock;
    metrics::Registry registry;
    const auto store = must(open_cursors(disk, clock, registry));
    const auto cursor = must(store->attach("lake"));
    must(cursor->save(confirmed(1)));
    const auto files = disk.names("/data/cursors").size();
    for (int i = 0; i < 100; ++i) {
        disk.fail(FakeDisk::Call::write, 1, Errc::full);
        CHECK(cursor->save(confirmed(2)).error().code == Errc::full);
    }
    disk.heal();
    must(cursor->save(confirmed(2)));
    CHECK(disk.names("/data/cursors").size() <= files + 1);
    CHECK(load_cursor(disk).first == 2);
}

TEST_CASE(
    "quarantine: FORBIDDEN after a fault and a power cut: a copy that was acknowledged missing",
    "[journal][crash][D09]"
) {
    const auto open = [](FakeDisk& disk, const Clock& clock) {
        return QuarantineStore::open("/data/quarantine", {}, {}, disk, clock);
    };
    test::FakeClock clock;
    bool failed = true;
    for (std::uint64_t k = 1; failed; ++k) {
        for (const auto cut : kCuts) {
            for (std::uint64_t seed = 1; seed <= 8; ++seed) {
                FakeDisk disk(seed);
                disk.fail_any(k);
                failed = false;
                std::set<std::uint64_t> kept;
                if (const auto store = open(disk, clock)) {
                    for (std::uint64_t lsn = 1; lsn <= 8; ++lsn) {
                        const auto record = bytes_of("record " + std::to_string(lsn));
                        const RefusedCopy copy{{lsn}, "why", record};
                        const bool ok = (*store)->append("lake", std::span(&copy, 1)).ok();
                        if (ok) kept.insert(lsn);
                        failed = failed || !ok;
                    }
                } else {
                    failed = true;
                }
                disk.heal();
                disk.cut(cut);
                const auto store = must(open(disk, clock));
                for (const auto& listed : must(store->list({})).entries) {
                    const auto lsn = listed.entry.lsn.value;
                    CHECK(listed.entry.record == bytes_of("record " + std::to_string(lsn)));
                    kept.erase(lsn);
                }
                CHECK(kept.empty());
                CHECK(disk.syncs_after_failure() == 0);
            }
        }
    }
}

TEST_CASE(
    "quarantine: a copy that stands in the cache alone does not count as kept after a restart",
    "[journal][crash][D02]"
) {
    FakeDisk disk;
    test::FakeClock clock;
    const auto open = [&] {
        return must(QuarantineStore::open("/data/quarantine", {}, {}, disk, clock));
    };
    const auto record = bytes_of("record");
    const auto append = [&](QuarantineStore& store, std::uint64_t lsn) {
        const RefusedCopy copy{{lsn}, "why", record};
        return store.append("lake", std::span(&copy, 1));
    };
    {
        const auto store = open();
        must(append(*store, 1));
        disk.fail(FakeDisk::Call::sync, 1);
        CHECK_FALSE(append(*store, 2).ok());
    }
    disk.begin_process();
    must(append(*open(), 2));
    disk.cut(FakeDisk::Cut::drop);
    CHECK(must(open()->list({})).entries.size() == 2);
}

TEST_CASE(
    "quarantine: a fault while entries are settled settles all of them or none", "[journal][crash]"
) {
    test::FakeClock clock;
    bool failed = true;
    for (std::uint64_t k = 1; failed; ++k) {
        for (const auto cut : kCuts) {
            FakeDisk disk(k);
            const auto open = [&] {
                return must(QuarantineStore::open("/data/quarantine", {}, {}, disk, clock));
            };
            bool settled = false;
            {
                const auto store = open();
                for (std::uint64_t lsn = 1; lsn <= 4; ++lsn) {
                    const auto record = bytes_of("record");
                    const RefusedCopy copy{{lsn}, "why", record};
                    must(store->append(lsn == 4 ? "hook" : "lake", std::span(&copy, 1)));
                }
                QuarantineQuery query;
                query.sink = "lake";
                std::vector<QuarantineSettling::Entry> entries;
                for (const auto& listed : must(store->list(query)).entries)
                    entries.push_back({listed.entry.lsn, listed.spot, listed.after});
                disk.fail_any(k);
                settled = store->settle({"lake", QuarantineFate::redriven, {}, entries}).ok();
                failed = !settled || !store->sweep().ok();
            }
            disk.heal();
            disk.cut(cut);
            const auto store = open();
            const auto listed = must(store->list({})).entries.size();
            const auto counts = store->counts("lake", {});
            if (settled) CHECK(listed == 1);
            CHECK(((listed == 1 && counts.redriven == 3) || (listed == 4 && counts.redriven == 0)));
        }
    }
}

TEST_CASE("quarantine: a full disk leaves no files behind", "[journal][crash][D17]") {
    FakeDisk disk;
    test::FakeClock clock;
    const auto store = must(QuarantineStore::open("/data/quarantine", {}, {}, disk, clock));
    const auto record = bytes_of("record");
    for (std::uint64_t i = 0; i < 100; ++i) {
        disk.fail(FakeDisk::Call::write, i == 50 ? 2 : 1, Errc::full);  // header, then entries
        const RefusedCopy copy{{i}, "why", record};
        CHECK(store->append("lake", std::span(&copy, 1)).error().code == Errc::full);
    }
    CHECK(disk.names("/data/quarantine").size() <= 1);
    disk.heal();
    const RefusedCopy copy{{1000}, "why", record};
    must(store->append("lake", std::span(&copy, 1)));
    CHECK(must(store->list({})).entries.size() == 1);
}

TEST_CASE(
    "device index: a fault while it is written leaves it missing or whole", "[journal][crash][D19]"
) {
    bool failed = true;
    for (std::uint64_t k = 1; failed; ++k) {
        FakeDisk disk(k);
        test::SegmentFiles files(disk, "/data/journal");
        files.begin();
        files.add({test::record_of("d", 1)});
        files.seal();
        must(disk.sync_directory("/data/journal"));
        metrics::Registry registry;
        const LogParts log{disk, files.tail, files.segments, files.journal};
        const auto segment = files.segments.all()[0];
        {
            IndexKeeper keeper(log, registry);
            disk.fail_any(k);
            const auto index = keeper.index_of(segment);
            REQUIRE(index.ok());  // from memory when it cannot be written
            CHECK(must((*index)->find("d")).size() == 1);
            failed = keeper.built() == 0;
        }
        disk.heal();
        disk.cut(FakeDisk::Cut::random);
        IndexKeeper keeper(log, registry);
        CHECK(must(must(keeper.index_of(segment))->find("d")).size() == 1);
    }
}

}  // namespace
}  // namespace penstock::journal

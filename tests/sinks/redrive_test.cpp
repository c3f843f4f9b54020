#include "sinks/redrive.h"

#include "base/metrics.h"
#include "base/posix_disk.h"
#include "journal/quarantine_store.h"
#include "sinks/contract/memory_far_side.h"
#include "sinks/runner.h"
#include "support/fake_clock.h"
#include "support/fake_log.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace penstock::sinks {
namespace {

using contract::Fault;
using contract::MemoryFarSide;
using journal::QuarantineStore;

constexpr Lsn kAll{~std::uint64_t{0}};

/// A quarantine store and a far side that takes everything but poison.
struct Bench {
    Bench() { open(); }
    void open() {
        auto opened = QuarantineStore::open(
            dir.path(), JournalId{}, journal::QuarantineConfig{}, posix_disk(), clock
        );
        REQUIRE(opened.ok());
        store = std::move(*opened);
    }
    void refuse(std::uint64_t lsn, bool poison = false, const std::string& sink = "events") {
        test::RecordSpec spec;
        spec.at = static_cast<std::int64_t>(lsn);
        if (poison) spec.payload = "{\"poison\":1}";
        const auto bytes = test::encode_record(spec);
        const journal::RefusedCopy copy{Lsn{lsn}, "422", bytes};
        REQUIRE(store->append(sink, std::span(&copy, 1)).ok());
    }
    [[nodiscard]] RedriveScope scope(Lsn up_to = kAll) const {
        const auto found = redrive_scope(*store, "events", Lsn{}, up_to);
        REQUIRE(found.ok());
        return *found;
    }
    /// One pass; false: it did not come to its end within a minute.
    bool pass(const RedriveScope& scope) {
        redrive = std::make_unique<Redrive>(*store, scope);
        metrics::Registry registry;
        RunnerParts parts;
        parts.id = "events";
        parts.type = "memory";
        parts.settings.records = Records::all;
        parts.settings.retry.first = std::chrono::milliseconds(100);
        parts.sink = far.make_sink({});
        parts.reader = redrive->reader();
        parts.open_reader = Redrive::no_reader;
        parts.cursor = redrive->cursor();
        parts.refused = redrive->refused();
        parts.metrics = &registry;
        parts.clock = &clock;
        Runner runner(std::move(parts));
        for (int i = 0; i < 6000 && runner.health().cursor < scope.last; ++i) {
            static_cast<void>(runner.step(0, {}));
            clock.advance(10 * kMillisecond);
            if (i == kill_after) return false;
        }
        runner.finish();
        return runner.health().cursor >= scope.last;
    }
    [[nodiscard]] std::string left() const {
        std::string text;
        journal::QuarantineQuery query;
        query.limit = 1000;
        const auto page = store->list(query);
        REQUIRE(page.ok());
        for (const auto& listed : page->entries)
            text += listed.entry.sink + std::to_string(listed.entry.lsn.value) + ' ';
        return text;
    }
    [[nodiscard]] std::vector<std::uint64_t> arrived() {
        std::vector<std::uint64_t> lsns;
        for (const auto& arrival : far.arrived())
            lsns.push_back(arrival.lsn.value().value);
        return lsns;
    }

    test::TempDir dir;
    test::FakeClock clock;
    std::unique_ptr<QuarantineStore> store;
    MemoryFarSide far;
    std::unique_ptr<Redrive> redrive;
    int kill_after = -1;  // steps
};

TEST_CASE("redrive: all of a sink, in order, and each is settled once", "[sinks][redrive]") {
    Bench bench;
    for (std::uint64_t lsn = 1; lsn <= 2500; ++lsn)
        bench.refuse(lsn * 3);  // more than a page, with gaps
    bench.refuse(4, false, "lake");
    REQUIRE(bench.pass(bench.scope()));
    const auto arrived = bench.arrived();
    CHECK(arrived.size() == 2500);
    CHECK(std::ranges::is_sorted(arrived));
    CHECK(bench.left() == "lake4 ");
    CHECK(bench.redrive->redriven() == 2500);
    CHECK(bench.store->counts("events", {}).redriven == 2500);
    CHECK(bench.scope().entries == 0);
    CHECK(bench.scope().last == Lsn{});
}

TEST_CASE("redrive: what is refused again stays, and holds nothing up", "[sinks][redrive]") {
    Bench bench;
    for (std::uint64_t lsn = 1; lsn <= 300; ++lsn)
        bench.refuse(lsn, lsn % 100 == 7);
    REQUIRE(bench.pass(bench.scope()));
    CHECK(bench.left() == "events7 events107 events207 ");
    CHECK(bench.redrive->redriven() == 297);
    CHECK(bench.redrive->refused_again() == 3);
    CHECK(bench.store->counts("events", {}).redriven == 297);
}

TEST_CASE(
    "redrive: a far side that fails on the way loses nothing and settles nothing early",
    "[sinks][redrive]"
) {
    Bench bench;
    for (std::uint64_t lsn = 1; lsn <= 400; ++lsn)
        bench.refuse(lsn, lsn == 60);
    for (const auto fault : {Fault::unreachable, Fault::reset_after_write}) {
        bench.far.set(fault);
        bench.kill_after = 20;
        CHECK_FALSE(bench.pass(bench.scope()));
        const auto arrived = bench.arrived();
        for (std::uint64_t lsn = 1; lsn <= 400; ++lsn) {
            const bool gone =
                bench.left().find("events" + std::to_string(lsn) + ' ') == std::string::npos;
            if (gone) CHECK(std::ranges::count(arrived, lsn) > 0);
        }
    }
    bench.far.set(Fault::none);
    bench.kill_after = -1;
    REQUIRE(bench.pass(bench.scope()));
    CHECK(bench.left() == "events60 ");
    auto arrived = bench.arrived();
    std::ranges::sort(arrived);
    arrived.erase(std::ranges::unique(arrived).begin(), arrived.end());
    CHECK(arrived.size() == 399);
}

TEST_CASE("redrive: killed at any step, what was not settled is sent again", "[sinks][redrive]") {
    for (int step = 0; step < 12; ++step) {
        Bench bench;
        for (std::uint64_t lsn = 1; lsn <= 250; ++lsn)
            bench.refuse(lsn);
        bench.kill_after = step;
        static_cast<void>(bench.pass(bench.scope()));
        bench.open();  // a new process
        bench.kill_after = -1;
        REQUIRE(bench.pass(bench.scope()));
        CHECK(bench.left().empty());
        CHECK(bench.store->counts("events", {}).redriven == 250);
        std::vector<bool> seen(251);
        for (const auto lsn : bench.arrived())
            seen[lsn] = true;
        CHECK(std::ranges::count(seen, true) == 250);
    }
}

TEST_CASE(
    "redrive: entries out of order take a second pass, copies of one record one try",
    "[sinks][redrive]"
) {
    Bench bench;
    for (const auto lsn : std::vector<std::uint64_t>{50, 51, 52})
        bench.refuse(lsn);
    for (std::uint64_t lsn = 1000; lsn < 2000; ++lsn)
        bench.refuse(lsn);
    bench.open();
    for (const auto lsn : std::vector<std::uint64_t>{10, 11})
        bench.refuse(lsn);  // behind more than a page of higher ones
    REQUIRE(bench.pass(bench.scope()));
    CHECK(bench.left() == "events10 events11 ");
    REQUIRE(bench.pass(bench.scope()));
    CHECK(bench.left().empty());
    CHECK(bench.arrived().size() == 1005);
}

TEST_CASE(
    "redrive: what the sink's cursor has not passed, and what has no record, stays",
    "[sinks][redrive]"
) {
    Bench bench;
    for (const auto lsn : std::vector<std::uint64_t>{1, 2, 3})
        bench.refuse(lsn);
    const journal::RefusedCopy empty{Lsn{2}, "gone from the journal", {}};
    bench.open();
    REQUIRE(bench.store->append("lake", std::span(&empty, 1)).ok());
    const journal::RefusedCopy gone{Lsn{4}, "gone from the journal", {}};
    REQUIRE(bench.store->append("events", std::span(&gone, 1)).ok());
    const auto scope = bench.scope(Lsn{2});
    CHECK(scope.entries == 2);
    CHECK(scope.last == Lsn{2});
    CHECK(bench.scope().empty == 1);
    REQUIRE(bench.pass(scope));
    CHECK(bench.left() == "events3 lake2 events4 ");
}

}  // namespace
}  // namespace penstock::sinks

#include "sinks/cursor_list.h"

#include "journal/cursor.h"
#include "journal/stepped_journal.h"
#include "sinks/balance.h"

#include <catch2/catch.hpp>

#include <sstream>

namespace penstock::sinks {
namespace {

using test::JournalBench;

/// Ten records, a minute apart; `lake` has six of them, `hook` all, `gone` none.
struct Node {
    Node() {
        bench.must_open();
        for (int i = 0; i < 10; ++i) {
            bench.clock.advance(60 * kSecond);
            REQUIRE(bench.submit(1));
            REQUIRE(bench.settle());
            if (i == 6) seventh = bench.clock.wall();
        }
        save("lake", 6);
        save("hook", 10);
        save("gone", 0);
    }
    void save(const std::string& sink, std::uint64_t lsn) {
        const auto cursor = bench.journal->cursors().attach(sink);
        REQUIRE(cursor.ok());
        REQUIRE((*cursor)->save(journal::Confirmed::chosen({lsn}), {}).ok());
    }
    std::vector<CursorRow> rows(const std::optional<std::set<std::string>>& configured) {
        auto listed = list_cursors(bench.disk, bench.options.directory, configured);
        if (!listed.ok()) FAIL(listed.error().message);
        return *std::move(listed);
    }

    JournalBench bench;
    Nanoseconds seventh = 0;
};

TEST_CASE("cursor ls: each with its lag, while the journal is open", "[sinks][cursor]") {
    Node node;
    const auto rows = node.rows(std::set<std::string>{"lake", "hook", "new"});
    REQUIRE(rows.size() == 4);
    CHECK(rows[0].sink == "gone");
    CHECK(rows[0].use == CursorUse::orphaned);
    CHECK(rows[0].lag.records == 10);
    CHECK(rows[1].sink == "hook");
    CHECK(rows[1].lag.records == 0);
    CHECK(rows[1].lag.bytes == 0);
    CHECK(rows[1].lag.oldest == 0);
    CHECK(rows[2].sink == "lake");
    CHECK(rows[2].use == CursorUse::configured);
    CHECK(rows[2].lsn == Lsn{6});
    CHECK(rows[2].lag.records == 4);
    CHECK(rows[2].lag.bytes == rows[0].lag.bytes / 10 * 4);
    CHECK(rows[2].lag.oldest >= node.seventh - kSecond);
    CHECK(rows[2].lag.oldest <= node.seventh);
    CHECK(rows[3].sink == "new");
    CHECK_FALSE(rows[3].lsn);
}

TEST_CASE("cursor ls: over segments that are sealed", "[sinks][cursor]") {
    Node node;
    for (int i = 0; i < 40; ++i) {
        REQUIRE(node.bench.submit(100));
        REQUIRE(node.bench.settle());
    }
    REQUIRE(node.bench.journal->close().ok());
    node.bench.journal.reset();
    const auto rows = node.rows(std::nullopt);
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].use == CursorUse::unknown);
    CHECK(rows[0].lag.records == 4010);
    CHECK(rows[2].lag.records == 4004);
    CHECK(rows[2].lag.oldest <= node.seventh);
}

TEST_CASE("cursor ls: for people and for programs", "[sinks][cursor]") {
    Node node;
    const auto rows = node.rows(std::set<std::string>{"lake", "new"});
    const Nanoseconds now = rows[2].lag.oldest + 90 * kSecond;
    std::ostringstream text;
    print_cursors(rows, now, false, text);
    CHECK_THAT(text.str(), Catch::Contains("gone                     orphaned "));
    CHECK_THAT(text.str(), Catch::Contains("no cursor yet"));
    CHECK_THAT(text.str(), Catch::Contains("an orphaned cursor is of no sink"));
    std::ostringstream json;
    print_cursors(rows, now, true, json);
    CHECK_THAT(
        json.str(), Catch::StartsWith(R"({"cursors":[{"sink":"gone","use":"orphaned","lsn":0)")
    );
    CHECK_THAT(json.str(), Catch::Contains(R"("lagRecords":4,)"));
    CHECK_THAT(json.str(), Catch::Contains(R"("ageSeconds":90})"));
    CHECK_THAT(json.str(), Catch::Contains(R"({"sink":"new","use":"configured"})"));
}

TEST_CASE("cursor ls: no journal is an error", "[sinks][cursor]") {
    test::FakeDisk disk;
    const auto rows = list_cursors(disk, "/nowhere", std::nullopt);
    REQUIRE_FALSE(rows.ok());
    CHECK(rows.error().code == Errc::not_found);
}

TEST_CASE("cursor ls: one that cannot be read is named", "[sinks][cursor]") {
    Node node;
    const auto folder = node.bench.options.directory / journal::kCursorFolder;
    for (const char* name : {"lake.cursor.0", "lake.cursor.1"}) {
        auto file = node.bench.disk.open(folder / name, OpenMode::write);
        if (file.ok()) REQUIRE((*file)->resize(3).ok());
    }
    const auto rows = node.rows(std::nullopt);
    REQUIRE(rows.size() == 3);
    CHECK_FALSE(rows[2].problem.empty());
}

}  // namespace
}  // namespace penstock::sinks

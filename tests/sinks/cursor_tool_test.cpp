#include "sinks/cursor_tool.h"

#include "journal/cursor.h"
#include "journal/stepped_journal.h"
#include "sinks/balance.h"

#include <catch2/catch.hpp>

#include <sstream>

namespace penstock::sinks {
namespace {

using test::JournalBench;

/// Ten records, of which the sink `lake` has the first six; then the daemon is gone.
struct Stopped {
    Stopped() {
        bench.must_open();
        for (int i = 0; i < 10; ++i) {
            REQUIRE(bench.submit(1));
            REQUIRE(bench.settle());
        }
        SinkProgress progress;
        progress.safe = Lsn{6};
        const auto cursor = bench.journal->cursors().attach("lake");
        REQUIRE(cursor.ok());
        REQUIRE(
            (*cursor)
                ->save(journal::Confirmed::by(progress), encode_balance({Lsn{0}, {.confirmed = 6}}))
                .ok()
        );
        REQUIRE(bench.journal->close().ok());
        bench.journal.reset();
    }
    Status move(const std::string& to, bool skip = false, const std::string& sink = "lake") {
        said.str("");
        return move_cursor(
            {bench.options.directory, sink, to, skip}, bench.disk, bench.clock, said
        );
    }
    journal::CursorPtr cursor() {
        bench.must_open();
        auto attached = bench.journal->cursors().attach("lake");
        REQUIRE(attached.ok());
        return *attached;
    }

    JournalBench bench;
    std::ostringstream said;
};

TEST_CASE("cursor set: back, and the records from there are delivered again", "[sinks][cursor]") {
    Stopped node;
    REQUIRE(node.move("3").ok());
    CHECK(node.said.str() == "lake: cursor 6 -> 2: 4 LSNs are delivered again\n");
    const auto cursor = node.cursor();
    CHECK(cursor->lsn() == Lsn{2});
    CHECK(balance_at(cursor->lsn(), cursor->state()) == Balance{Lsn{2}, {}});
}

TEST_CASE("cursor set: to the oldest record and behind the newest", "[sinks][cursor]") {
    Stopped node;
    REQUIRE(node.move("earliest").ok());
    CHECK(node.said.str() == "lake: cursor 6 -> 0: 6 LSNs are delivered again\n");
    REQUIRE(node.move("latest", true).ok());
    CHECK(node.said.str() == "lake: cursor 0 -> 10: 10 LSNs are never delivered to it\n");
    REQUIRE(node.move("11").ok());
    CHECK(node.said.str() == "lake: cursor 10 -> 10: it stood there already\n");
}

TEST_CASE("cursor set: forward only when that is meant", "[sinks][cursor][R5]") {
    Stopped node;
    const auto refused = node.move("latest");
    REQUIRE_FALSE(refused.ok());
    CHECK(
        refused.error().message == "4 LSNs would never be delivered to it: say --skip to mean that"
    );
    CHECK(node.cursor()->lsn() == Lsn{6});
}

TEST_CASE("cursor set: where no journal is none is made", "[sinks][cursor]") {
    Stopped node;
    node.bench.options.directory = "/data/elsewhere";
    const auto moved = node.move("earliest");
    CHECK(moved.error().code == Errc::not_found);
    CHECK_THAT(moved.error().message, Catch::StartsWith("there is no journal in /data/elsewhere"));
    CHECK_FALSE(node.bench.disk.list("/data/elsewhere").ok());
    REQUIRE(node.bench.disk.make_directory("/data/elsewhere").ok());
    CHECK(node.move("earliest").error().code == Errc::not_found);
    CHECK(node.bench.disk.list("/data/elsewhere")->empty());
}

TEST_CASE("cursor set: what makes no sense moves nothing", "[sinks][cursor]") {
    Stopped node;
    CHECK(node.move("12").error().message == "LSN 12 is not kept: the journal holds 1 to 10");
    CHECK(node.move("0").error().message == "LSN 0 is not kept: the journal holds 1 to 10");
    CHECK(
        node.move("yesterday").error().message ==
        "'yesterday' must be earliest, latest, a time such as 2026-01-02T03:04:05Z, or an LSN"
    );
    CHECK(
        node.move("1", false, "laek").error().message ==
        "no cursor of a sink 'laek'; there are: lake"
    );
    CHECK(node.cursor()->lsn() == Lsn{6});
    // And while a daemon holds the journal:
    const auto busy = node.move("earliest");
    CHECK(busy.error().code == Errc::conflict);
    CHECK(busy.error().message.ends_with("stop the daemon first"));
}

}  // namespace
}  // namespace penstock::sinks

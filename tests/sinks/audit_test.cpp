#include "sinks/audit.h"

#include "journal/cursor.h"
#include "journal/stepped_journal.h"

#include <catch2/catch.hpp>

#include <sstream>

namespace penstock::sinks {
namespace {

using test::FakeDisk;
using test::JournalBench;

/// Records in frames of their own.
void write(JournalBench& bench, int records) {
    for (int i = 0; i < records; ++i) {
        REQUIRE(bench.submit(1));
        REQUIRE(bench.settle());
    }
}

void save(JournalBench& bench, const std::string& sink, const Balance& balance) {
    const auto cursor = bench.journal->cursors().attach(sink);
    REQUIRE(cursor.ok());
    SinkProgress progress;
    progress.safe = balance.cursor();
    REQUIRE((*cursor)->save(journal::Confirmed::by(progress), encode_balance(balance)).ok());
}

Audit audited(JournalBench& bench) {
    const auto books = audit(bench.disk, bench.options.directory, "/data/quarantine");
    REQUIRE(books.ok());
    return *books;
}

TEST_CASE("audit: what a sink has not confirmed is pending, record by record", "[sinks][R6]") {
    JournalBench bench;
    bench.must_open();
    write(bench, 10);
    save(bench, "events", {Lsn{0}, {.confirmed = 3, .refused = 1, .filtered = 2}});
    save(bench, "lake", {Lsn{4}, {.confirmed = 6}});
    const auto check = [](const Audit& books) {
        REQUIRE(books.sinks.size() == 2);
        CHECK(books.sound());
        CHECK(books.records == 10);
        CHECK(books.sinks[0].accepted() == 10);
        CHECK(books.sinks[0].ahead == Tally{.confirmed = 4});
        CHECK(books.sinks[1].accepted() == 6);
        CHECK(books.sinks[1].ahead == Tally{});
    };
    check(audited(bench));  // beside a running daemon
    REQUIRE(bench.journal->close().ok());
    bench.journal.reset();
    check(audited(bench));
}

TEST_CASE("audit: LSNs that never were a record are not accepted ones", "[sinks][R6]") {
    JournalBench bench;
    bench.must_open();
    write(bench, 5);
    save(bench, "events", {Lsn{0}, {.confirmed = 2}});
    bench.crash(FakeDisk::Cut::drop);
    REQUIRE(bench.disk.remove(bench.segment(1)).ok());
    bench.options.config.on_corruption = journal::OnCorruption::accept_loss;
    bench.must_open();
    write(bench, 3);
    const Audit books = audited(bench);
    REQUIRE(books.sinks.size() == 1);
    CHECK(books.sinks[0].ahead.confirmed == 3);
    CHECK(books.sinks[0].accepted() == 5);
}

TEST_CASE(
    "audit: an acknowledged record that cannot be read is found and not sound", "[sinks][R6][D13]"
) {
    JournalBench bench;
    bench.must_open();
    write(bench, 10);
    save(bench, "before", {Lsn{0}, {.confirmed = 3}});
    save(bench, "behind", {Lsn{0}, {.confirmed = 8}});
    REQUIRE(bench.journal->close().ok());
    bench.journal.reset();
    auto bytes = bench.disk.contents(bench.segment(1));
    // The records of the fifth frame: each takes a block.
    bytes[journal::kFirstFrameOffset + 4 * journal::kBlock + sizeof(journal::FrameHeader)] ^=
        std::byte{1};
    bench.disk.put(bench.segment(1), bytes);
    const Audit books = audited(bench);
    CHECK_FALSE(books.sound());
    CHECK(books.damaged == 1);
    REQUIRE(books.sinks.size() == 2);
    CHECK(books.sinks[0].damaged == 1);
    CHECK(books.sinks[0].ahead.confirmed == 6);
    CHECK(books.sinks[0].accepted() == 10);
    CHECK(books.sinks[1].sound());
    std::ostringstream text;
    print(books, false, text);
    CHECK_THAT(text.str(), Catch::Contains("1 LSNs CANNOT BE READ"));
}

TEST_CASE("audit: what expired before a sink got there is counted as that", "[sinks][R6]") {
    JournalBench bench;
    bench.options.config.segment_size = 192_KiB;
    bench.options.config.record_max = 96_KiB;
    bench.must_open();
    for (int i = 0; i < 6; ++i) {
        REQUIRE(bench.submit(1, 90'000));
        REQUIRE(bench.settle());
    }
    save(bench, "events", {Lsn{0}, {}});
    const auto oldest = bench.journal->segments().all().front();
    REQUIRE(oldest.sealed);
    REQUIRE(bench.journal->retire(oldest.number).ok());
    const Audit books = audited(bench);
    CHECK(books.sinks[0].ahead.expired == oldest.last.value);
    CHECK(books.sinks[0].ahead.confirmed == 6 - oldest.last.value);
    CHECK(books.sinks[0].accepted() == 6);
    std::ostringstream json;
    print(books, true, json);
    CHECK_THAT(json.str(), Catch::Contains("\"sound\":true") && Catch::Contains("\"accepted\":6,"));
}

}  // namespace
}  // namespace penstock::sinks

#include "journal/recovery.h"

#include "journal/cursor.h"
#include "stepped_journal.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace penstock::journal {
namespace {

using test::FakeDisk;
using test::JournalBench;

/// Several segments, closed cleanly unless told.
void fill(JournalBench& bench, int batches = 60, bool close = true) {
    bench.must_open();
    for (int i = 0; i < batches; ++i) {
        REQUIRE(bench.submit(2, 25'000));
        REQUIRE(bench.settle());
    }
    for (int i = 0; i < 3; ++i)
        bench.step();
    if (!close) return;
    REQUIRE(bench.journal->close().ok());
    bench.journal.reset();
}

void goes_on(JournalBench& bench) {
    REQUIRE(bench.check() == "");
    REQUIRE(bench.submit(3));
    REQUIRE(bench.settle());
    REQUIRE(bench.check() == "");
}

void flip(JournalBench& bench, const std::filesystem::path& path, std::size_t at) {
    auto bytes = bench.disk.contents(path);
    REQUIRE(at < bytes.size());
    bytes[at] ^= std::byte{0x10};
    bench.disk.put(path, std::move(bytes));
}

TEST_CASE(
    "recovery: a clean restart goes on with the next LSN and reads little", "[journal][recovery]"
) {
    JournalBench bench;
    fill(bench);
    bench.must_open();
    const RecoveryReport& report = bench.journal->recovery();
    CHECK(report.clean);
    CHECK(report.tail == Lsn{120});
    CHECK(report.next == Lsn{121});
    CHECK(report.skipped_lsns == 0);
    CHECK(report.read_bytes < bench.journal->segments().bytes());
    goes_on(bench);
    CHECK(bench.gaps.empty());
}

TEST_CASE(
    "recovery: after an unclean end the surviving tail gets a new nonce", "[journal][recovery]"
) {
    JournalBench bench;
    fill(bench, 10, false);
    const auto old_nonce = bench.journal->segments().all().back().nonce;
    bench.crash(FakeDisk::Cut::keep);
    bench.must_open();
    CHECK_FALSE(bench.journal->recovery().clean);
    const auto segments = bench.journal->segments().all();
    REQUIRE(segments.size() == 1);
    CHECK(segments[0].sealed);
    CHECK(segments[0].nonce != old_nonce);
    goes_on(bench);
}

TEST_CASE(
    "recovery: an LSN is never used again although its record was lost", "[journal][recovery][D06]"
) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        JournalBench bench(seed);
        for (int life = 0; life < 4; ++life) {
            bench.must_open();
            for (int i = 0; i < 6; ++i) {
                REQUIRE(bench.submit(1 + seed % 3, 3'000));
                bench.step();
            }
            // Whatever a reader saw counts as seen, although power takes what is in flight.
            INFO("seed " << seed << " life " << life);
            REQUIRE(bench.check() == "");
            bench.crash(FakeDisk::Cut::random);
        }
        bench.must_open();
        REQUIRE(bench.settle());
        goes_on(bench);
    }
}

TEST_CASE("recovery: the LSNs of a frame that is cut are not given again", "[journal][recovery]") {
    JournalBench bench;
    fill(bench, 6, false);
    bench.crash(FakeDisk::Cut::keep);
    flip(
        bench, bench.segment(1), kFirstFrameOffset + 5 * 53'248 + 400
    );  // the last frame's payload
    bench.acknowledged.erase(11);
    bench.acknowledged.erase(12);
    bench.must_open();
    CHECK(bench.journal->recovery().tail == Lsn{10});
    CHECK(bench.journal->recovery().torn_bytes > 0);
    CHECK(bench.journal->recovery().next == Lsn{13});
    REQUIRE(bench.settle());
    goes_on(bench);
    REQUIRE(bench.gaps.size() == 1);
    CHECK(bench.gaps[0].cause == Gap::Cause::skipped);
}

TEST_CASE(
    "recovery: LSNs up to every cursor are stepped over, and the hole is read as a gap",
    "[journal][recovery][D06]"
) {
    JournalBench bench;
    fill(bench, 5);
    bench.must_open();
    auto cursor = bench.journal->cursors().attach("sink");
    REQUIRE(cursor.ok());
    REQUIRE((*cursor)->save(Confirmed::chosen({10})).ok());
    cursor = Error{Errc::cancelled, ""};
    const auto id = bench.journal->id();
    REQUIRE(bench.journal->close().ok());
    bench.journal.reset();
    // The disk loses the newest segment's last frame although the sink confirmed it.
    auto bytes = bench.disk.contents(bench.segment(1));
    std::fill(bytes.end() - 17 * 4'096, bytes.end(), std::byte{0});
    bench.disk.put(bench.segment(1), bytes);
    bench.must_open();
    CHECK(bench.journal->id() == id);
    const RecoveryReport& report = bench.journal->recovery();
    CHECK(report.tail < Lsn{10});
    CHECK(report.next == Lsn{11});
    CHECK(report.skipped_lsns == 10 - report.tail.value);
    REQUIRE(bench.settle());
    REQUIRE(bench.submit(1));
    REQUIRE(bench.settle());
    CHECK(bench.journal->durable() == Lsn{11});
    const auto back = test::read_all(*bench.journal->reader());
    REQUIRE(back.gaps.size() == 1);
    CHECK(back.gaps[0].from == report.tail.next());
    CHECK(back.gaps[0].to == Lsn{10});
    CHECK(back.gaps[0].cause == Gap::Cause::skipped);
}

TEST_CASE(
    "recovery: a missing middle segment is refused by its LSNs until the loss is accepted",
    "[journal][recovery][D12]"
) {
    JournalBench bench;
    fill(bench);
    bench.must_open();
    const auto segments = bench.journal->segments().all();
    REQUIRE(segments.size() >= 3);
    REQUIRE(bench.journal->close().ok());
    bench.journal.reset();
    REQUIRE(bench.disk.remove(segments[1].path).ok());
    const Status refused = bench.open();
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::corrupt);
    const std::string range = "LSN " + std::to_string(segments[1].first.value) + " to " +
                              std::to_string(segments[1].last.value);
    CHECK(refused.error().message.find(range) != std::string::npos);

    bench.options.config.on_corruption = OnCorruption::accept_loss;
    bench.must_open();
    CHECK(
        bench.journal->recovery().lost_lsns == segments[1].last.value - segments[1].first.value + 1
    );
    const auto back = test::read_all(*bench.journal->reader());
    CHECK(back.errors.empty());
    CHECK(back.contiguous);
    REQUIRE(back.gaps.size() == 1);
    CHECK(back.gaps[0].from == segments[1].first);
    CHECK(back.gaps[0].to == segments[1].last);
    REQUIRE(bench.journal->close().ok());
    bench.journal.reset();
    // Accepted once is accepted for good.
    bench.options.config.on_corruption = OnCorruption::refuse;
    bench.must_open();
    CHECK(bench.journal->recovery().lost_lsns == 0);
}

TEST_CASE(
    "recovery: a missing newest segment is noticed, and no LSN of it is given again",
    "[journal][recovery][D12]"
) {
    JournalBench bench;
    fill(bench);
    bench.must_open();
    const auto segments = bench.journal->segments().all();
    REQUIRE(segments.size() >= 3);
    REQUIRE(bench.journal->close().ok());
    bench.journal.reset();
    for (const auto& name : bench.disk.names(bench.options.directory)) {
        const auto number = segment_number(name);
        if (number && *number >= segments.back().number) {
            REQUIRE(bench.disk.remove(bench.options.directory / name).ok());
        }
    }
    CHECK(bench.open().error().code == Errc::corrupt);
    bench.options.config.on_corruption = OnCorruption::accept_loss;
    bench.must_open();
    CHECK(bench.journal->recovery().next > Lsn{120});
}

TEST_CASE(
    "recovery: damage to acknowledged records is refused, copied aside, and becomes a gap when "
    "accepted",
    "[journal][recovery][D13][D18]"
) {
    JournalBench bench;
    fill(bench, 6);
    flip(bench, bench.segment(1), kFirstFrameOffset + 53'248 + 400);  // the second frame's payload
    const auto before = bench.disk.contents(bench.segment(1));
    for (int again = 0; again < 3; ++again) {
        const Status refused = bench.open();
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().code == Errc::corrupt);
        CHECK(refused.error().message.find("LSN 3 to 4") != std::string::npos);
        CHECK(bench.disk.contents(bench.segment(1)) == before);
        CHECK(bench.disk.names(bench.options.directory / "damaged").size() == 1);
    }
    bench.options.config.on_corruption = OnCorruption::accept_loss;
    bench.must_open();
    const auto back = test::read_all(*bench.journal->reader());
    CHECK(back.errors.empty());
    CHECK(back.contiguous);
    CHECK(back.records.size() == 10);
    REQUIRE(back.gaps.size() == 1);
    CHECK(back.gaps[0].from == Lsn{3});
    CHECK(back.gaps[0].to == Lsn{4});
    CHECK(back.gaps[0].cause == Gap::Cause::corrupt);
}

TEST_CASE("recovery: one bad copy of a segment header does no harm", "[journal][recovery][D13]") {
    JournalBench bench;
    fill(bench, 6);
    const std::size_t at = GENERATE(0U, 50U, 4'096U, 4'100U);
    flip(bench, bench.segment(1), at);
    bench.must_open();
    goes_on(bench);
}

TEST_CASE(
    "recovery: temporary, empty, unused and foreign files are ignored and reported",
    "[journal][recovery][D14]"
) {
    JournalBench bench;
    fill(bench, 6);
    const auto dir = bench.options.directory;
    bench.disk.put(dir / "00000000000000000001.segment.tmp", std::vector<std::byte>(100));
    bench.disk.put(dir / "identity.tmp", {});
    bench.disk.put(dir / "00000000000000000077.prepared", std::vector<std::byte>(5'000));
    bench.disk.put(dir / "00000000000000000078.segment", {});
    bench.disk.put(dir / "00000000000000000079.segment", std::vector<std::byte>(1'048'576));
    bench.disk.put(dir / "notes.txt", std::vector<std::byte>(3));
    bench.disk.put(dir / "1.segment", std::vector<std::byte>(3));
    bench.must_open();
    const auto& ignored = bench.journal->recovery().ignored;
    CHECK(std::ranges::count(ignored, "notes.txt") == 1);
    CHECK(std::ranges::count(ignored, "1.segment") == 1);
    CHECK(std::ranges::count(ignored, "identity.tmp") == 1);
    const auto names = bench.disk.names(dir);
    CHECK(std::ranges::count(names, "notes.txt") == 1);
    CHECK(std::ranges::count_if(names, [](const auto& n) { return n.ends_with(".tmp"); }) == 0);
    CHECK(std::ranges::count_if(names, [](const auto& n) {
              return n.starts_with("000000000000000000077");
          }) == 0);
    goes_on(bench);
}

TEST_CASE(
    "recovery: an identity file cut to any size is made again from the segments",
    "[journal][recovery][D15]"
) {
    JournalBench bench;
    fill(bench, 3);
    bench.must_open();
    const auto id = bench.journal->id();
    REQUIRE(bench.journal->close().ok());
    bench.journal.reset();
    const auto path = bench.options.directory / kIdentityName;
    const auto whole = bench.disk.contents(path);
    REQUIRE(whole.size() == sizeof(Identity));
    for (std::size_t size = 0; size < whole.size(); size += 7) {
        bench.disk.put(path, {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
        bench.must_open();
        REQUIRE(bench.journal->id() == id);
        REQUIRE(bench.journal->close().ok());
        bench.journal.reset();
    }
}

TEST_CASE("recovery: a segment of another journal is refused by name", "[journal][recovery]") {
    JournalBench bench(1);
    fill(bench, 3);
    JournalBench other(2);
    fill(other, 3);
    bench.disk.put(bench.segment(9), other.disk.contents(other.segment(1)));
    const Status refused = bench.open();
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::conflict);
    CHECK(refused.error().message.find("00000000000000000009.segment") != std::string::npos);
}

TEST_CASE(
    "recovery: a power cut during recovery changes nothing about what is recovered",
    "[journal][recovery][D19]"
) {
    for (std::uint64_t k = 1; k <= 40; ++k) {
        JournalBench bench(k);
        bench.must_open();
        for (int i = 0; i < 20; ++i) {
            REQUIRE(bench.submit(2, 2'000));
            bench.step();
        }
        bench.crash(FakeDisk::Cut::random);
        bench.disk.fail_any(k);
        INFO("k " << k);
        if (bench.open().ok()) {
            for (int i = 0; i < 4; ++i)
                bench.step();
        }
        bench.crash(FakeDisk::Cut::random);
        bench.must_open();
        REQUIRE(bench.settle());
        goes_on(bench);
    }
}

TEST_CASE(
    "recovery: the same records are found by two starts in a row after a failed sync",
    "[journal][recovery][D02]"
) {
    JournalBench bench;
    bench.disk.set_async(false);
    bench.must_open();
    for (int i = 0; i < 5; ++i) {
        REQUIRE(bench.submit(2));
        REQUIRE(bench.settle());
    }
    bench.disk.fail(FakeDisk::Call::sync, 1);
    REQUIRE(bench.submit(2));
    CHECK_FALSE(bench.settle());
    REQUIRE(bench.failed);
    // The process restarts; the cache still shows the data that never reached the disk.
    bench.journal.reset();
    bench.must_open();
    const Lsn first_start = bench.journal->recovery().tail;
    REQUIRE(bench.check() == "");
    bench.crash(FakeDisk::Cut::drop);
    bench.must_open();
    CHECK(bench.journal->recovery().tail >= first_start);
    goes_on(bench);
}

TEST_CASE(
    "recovery: with no segment left, a cursor keeps the LSNs from starting again",
    "[journal][recovery]"
) {
    JournalBench bench;
    fill(bench, 3);
    bench.must_open();
    {
        auto cursor = bench.journal->cursors().attach("sink");
        REQUIRE(cursor.ok());
        REQUIRE((*cursor)->save(Confirmed::chosen({6})).ok());
    }
    REQUIRE(bench.journal->close().ok());
    bench.journal.reset();
    for (const auto& name : bench.disk.names(bench.options.directory)) {
        if (name.ends_with(kSegmentSuffix))
            REQUIRE(bench.disk.remove(bench.options.directory / name).ok());
    }
    CHECK(bench.open().error().code == Errc::corrupt);
    bench.options.config.on_corruption = OnCorruption::accept_loss;
    bench.must_open();
    CHECK(bench.journal->recovery().next == Lsn{7});
}

}  // namespace
}  // namespace penstock::journal

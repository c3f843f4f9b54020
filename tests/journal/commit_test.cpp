#include "stepped_journal.h"

#include <catch2/catch.hpp>

namespace penstock::journal {
namespace {

using test::FakeDisk;
using test::JournalBench;

std::vector<FrameHeader> frames_of(JournalBench& bench, std::uint64_t number) {
    const auto bytes = bench.disk.contents(bench.segment(number));
    const auto header = load_segment_header(bytes);
    REQUIRE(header.ok());
    std::vector<FrameHeader> frames;
    for (std::uint64_t at = kFirstFrameOffset; at < bytes.size();) {
        const auto frame = load_frame_header(std::span(bytes).subspan(at), header->nonce, at);
        if (!frame) break;
        frames.push_back(*frame);
        at += frame->stored_bytes();
    }
    return frames;
}

TEST_CASE(
    "commit: batches of one commit share a frame unless they are large", "[journal][commit]"
) {
    JournalBench bench(1, 2);
    bench.must_open();
    for (int i = 0; i < 3; ++i)
        bench.step();
    REQUIRE(bench.submit(2, 64, 0));
    REQUIRE(bench.submit(3, 64, 1));
    REQUIRE(bench.submit(1, 100'000, 0));
    REQUIRE(bench.settle());
    const auto frames = frames_of(bench, 1);
    REQUIRE(frames.size() == 2);
    CHECK(frames[0].count == 5);
    CHECK(frames[0].payload_bytes == 5 * 64);
    CHECK(frames[1].count == 1);
    CHECK(frames[1].first == 6);
    CHECK(frames[1].previous == frames[0].crc);
    CHECK(bench.check().empty());
}

TEST_CASE(
    "commit: an empty frame follows an idle second and covers the last group", "[journal][commit]"
) {
    JournalBench bench;
    bench.must_open();
    REQUIRE(bench.submit(4));
    REQUIRE(bench.settle());
    REQUIRE(frames_of(bench, 1).size() == 1);
    CHECK(frames_of(bench, 1).back().committed_through == 0);
    bench.clock.advance(kSecond);
    for (int i = 0; i < 5; ++i)
        bench.step();
    const auto frames = frames_of(bench, 1);
    REQUIRE(frames.size() == 2);
    CHECK(frames.back().kind == FrameKind::empty);
    CHECK(frames.back().committed_through == 4);
    bench.clock.advance(10 * kSecond);
    for (int i = 0; i < 5; ++i)
        bench.step();
    CHECK(frames_of(bench, 1).size() == 2);
}

TEST_CASE("commit: a full segment rolls and is sealed behind its successor", "[journal][commit]") {
    JournalBench bench;
    bench.must_open();
    std::vector<SegmentInfo> sealed;
    bench.journal->set_on_sealed([&](const SegmentInfo& info) { sealed.push_back(info); });
    for (int i = 0; i < 60; ++i) {
        REQUIRE(bench.submit(1, 50'000));
        REQUIRE(bench.settle());
    }
    bench.step();
    REQUIRE(sealed.size() >= 2);
    const auto segments = bench.journal->segments().all();
    REQUIRE(segments.size() == sealed.size() + 1);
    for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
        CHECK(segments[i].sealed);
        CHECK(segments[i].last.next() == segments[i + 1].first);
        CHECK(bench.disk.contents(segments[i].path).size() == segments[i].bytes);
    }
    CHECK_FALSE(segments.back().sealed);
    CHECK(bench.check().empty());
}

TEST_CASE(
    "commit: nothing is published before the writes in front of it are durable",
    "[journal][commit][R1]"
) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        JournalBench bench(seed);
        bench.options.config.commit_window = std::chrono::nanoseconds(0);  // several in flight
        bench.must_open();
        for (int i = 0; i < 40; ++i) {
            REQUIRE(bench.submit(1 + seed % 5, 5'000));
            bench.step();
        }
        // Power goes while writes are in flight that complete in any order.
        bench.crash(FakeDisk::Cut::random);
        INFO("seed " << seed);
        bench.must_open();
        REQUIRE(bench.settle());
        REQUIRE(bench.check() == "");
    }
}

TEST_CASE(
    "commit: a segment begins behind what is durable: power that goes meanwhile refuses no start",
    "[journal][commit][D04]"
) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        JournalBench bench(seed);
        bench.options.config.commit_window = std::chrono::nanoseconds(0);  // several in flight
        bench.options.config.segment_size = 192_KiB;
        bench.options.config.record_max = 96_KiB;
        bench.must_open();
        for (std::uint64_t i = 0; i < 20 + seed % 10; ++i) {
            static_cast<void>(bench.submit(1, 20'000));
            bench.step();
        }
        bench.crash(seed % 2 == 0 ? FakeDisk::Cut::random : FakeDisk::Cut::chaos);
        INFO("seed " << seed);
        bench.must_open();
        REQUIRE(bench.settle());
        REQUIRE(bench.check() == "");
    }
}

/// A short run: three small segments, commits of several sizes, idle time, a clean close.
void short_run(JournalBench& bench) {
    bench.options.config.segment_size = 192_KiB;
    bench.options.config.record_max = 96_KiB;
    if (!bench.open().ok()) return;
    for (int i = 0; i < 16 && !bench.failed; ++i) {
        const bool large = i % 4 == 0;
        const auto count = large ? 1 : 1 + static_cast<std::uint64_t>(i) % 4;
        if (bench.submit(count, large ? 70'000 : 600)) bench.settle(40);
        if (i % 8 == 7) bench.clock.advance(kSecond);
    }
    if (const Status closed = bench.journal->close(); !closed.ok() && !bench.failed) {
        bench.failed = closed.error();
    }
}

void every_failure_is_final(FakeDisk::Call call, bool async) {
    std::uint64_t total = 0;
    {
        JournalBench bench;
        bench.disk.set_async(async);
        short_run(bench);
        REQUIRE(bench.acknowledged.size() > 30);
        total = bench.disk.calls(call);
    }
    REQUIRE(total > 0);
    for (std::uint64_t run = 0; run < 2 * total; ++run) {
        const std::uint64_t k = 1 + run / 2;
        const bool power_stays = run % 2 == 1;  // the process alone ends: the cache still tells
        INFO(
            "call " << static_cast<int>(call) << " k " << k << " async " << async << " power stays "
                    << power_stays
        );
        JournalBench bench(k);
        bench.disk.set_async(async);
        bench.disk.fail(call, k);
        short_run(bench);
        const std::size_t acknowledged = bench.acknowledged.size();
        // Nothing more is acknowledged once it has failed, however long one waits.
        if (bench.failed && bench.journal) {
            CHECK(bench.journal->state() != State::open);
            CHECK_FALSE(bench.submit(1));
            for (int i = 0; i < 5; ++i)
                bench.step();
            CHECK(bench.acknowledged.size() == acknowledged);
        }
        CHECK(bench.disk.syncs_after_failure() == 0);
        if (power_stays) {
            bench.die();
            bench.disk.begin_process();
            const Status started = bench.open();
            INFO((started.ok() ? "" : started.error().message));
            REQUIRE(started.ok());
            REQUIRE(bench.check() == "");
        }
        bench.crash(FakeDisk::Cut::drop);
        const Status reopened = bench.open();
        INFO((reopened.ok() ? "" : reopened.error().message));
        REQUIRE(reopened.ok());
        REQUIRE(bench.check() == "");
        REQUIRE(bench.submit(2));
        REQUIRE(bench.settle());
        REQUIRE(bench.check() == "");
        REQUIRE(bench.journal->close().ok());
    }
}

TEST_CASE(
    "commit: when the k-th write, sync or completion fails, no later record is acknowledged and "
    "none is lost",
    "[journal][commit][D01][D02]"
) {
    every_failure_is_final(FakeDisk::Call::completion, true);
    every_failure_is_final(FakeDisk::Call::sync, false);
    every_failure_is_final(FakeDisk::Call::write, false);
    every_failure_is_final(FakeDisk::Call::sync, true);
}

TEST_CASE(
    "commit: power cut at the k-th call of start, commit, roll, seal and close loses nothing "
    "acknowledged",
    "[journal][commit][D09][D19]"
) {
    for (const bool async : {true, false}) {
        std::uint64_t total = 0;
        {
            JournalBench bench;
            bench.disk.set_async(async);
            short_run(bench);
            total = bench.disk.calls(FakeDisk::Call::count);
        }
        for (std::uint64_t k = 1; k <= total; ++k) {
            for (const auto cut : {FakeDisk::Cut::drop, FakeDisk::Cut::random}) {
                JournalBench bench(k);
                bench.disk.set_async(async);
                bench.disk.fail_any(k);
                short_run(bench);
                INFO("k " << k << " async " << async << " cut " << static_cast<int>(cut));
                bench.crash(cut);
                const Status reopened = bench.open();
                INFO((reopened.ok() ? "" : reopened.error().message));
                REQUIRE(reopened.ok());
                REQUIRE(bench.check() == "");
                REQUIRE(bench.submit(2));
                REQUIRE(bench.settle());
                REQUIRE(bench.check() == "");
            }
        }
    }
}

TEST_CASE(
    "commit: a record at the limit is taken, one above never gets a batch", "[journal][commit][D08]"
) {
    JournalBench bench;
    bench.must_open();
    const std::size_t limit = bench.options.config.record_max.value;
    REQUIRE(bench.submit(1, limit));
    REQUIRE(bench.settle());
    CHECK(bench.journal->appender({0}).acquire(limit + 1) == nullptr);
    CHECK(bench.journal->appender({0}).acquire(std::size_t{256} << 20U) == nullptr);
    REQUIRE(bench.submit(1));
    REQUIRE(bench.settle());
    CHECK(bench.check().empty());
}

}  // namespace
}  // namespace penstock::journal

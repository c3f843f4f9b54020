#include "sinks/start_point.h"

#include "support/fake_log.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <vector>

namespace penstock::sinks {
namespace {

using test::FakeLog;
using test::RecordSpec;

Nanoseconds at(std::int64_t milliseconds) {
    return RecordSpec::kEpoch + milliseconds * kMillisecond;
}

void append(FakeLog& log, const std::vector<std::int64_t>& times) {
    std::vector<RecordSpec> chunk(times.size());
    for (std::size_t i = 0; i < times.size(); ++i)
        chunk[i].at = times[i];
    log.append(chunk);
}

Lsn found(FakeLog& log, Nanoseconds time) {
    const auto lsn = first_arrival_at(*log.reader(), time, {});
    REQUIRE(lsn.ok());
    return *lsn;
}

TEST_CASE("start point: the first record that arrived at a time or later", "[sinks]") {
    FakeLog log;
    CHECK(found(log, at(0)) == Lsn{1});
    append(log, {10, 11, 12});
    append(log, {20, 20, 30});
    append(log, {40});
    CHECK(found(log, at(0)) == Lsn{1});
    CHECK(found(log, at(10)) == Lsn{1});
    CHECK(found(log, at(12)) == Lsn{3});
    CHECK(found(log, at(13)) == Lsn{4});
    CHECK(found(log, at(20)) == Lsn{4});
    CHECK(found(log, at(21)) == Lsn{6});
    CHECK(found(log, at(31)) == Lsn{7});
    CHECK(found(log, at(41)) == Lsn{8});
}

TEST_CASE("start point: agrees with a walk through any journal, gaps and all", "[sinks]") {
    std::mt19937 random(5);
    for (int round = 0; round < 200; ++round) {
        FakeLog log;
        std::vector<std::pair<Lsn, std::int64_t>> all;
        std::int64_t now = 0;
        std::uint64_t next = 1;
        const auto pieces = random() % 12;
        for (unsigned piece = 0; piece < pieces; ++piece) {
            if (random() % 3 == 0) {
                const std::uint64_t missing = 1 + random() % 20;
                log.gap(missing, Gap::Cause::skipped);
                next += missing;
                continue;
            }
            std::vector<std::int64_t> times;
            for (auto left = 1 + random() % 5; left > 0; --left) {
                now += static_cast<std::int64_t>(random() % 4);
                times.push_back(now);
                all.emplace_back(Lsn{next++}, now);
            }
            append(log, times);
        }
        if (!all.empty() && random() % 3 == 0) {
            const Lsn gone = all[random() % all.size()].first;
            log.expire(gone);
            std::erase_if(all, [gone](const auto& one) { return one.first <= gone; });
        }
        for (std::int64_t time = -1; time <= now + 1; ++time) {
            const auto want = std::find_if(all.begin(), all.end(), [time](const auto& one) {
                return one.second >= time;
            });
            const Lsn begin = found(log, at(time));
            // The first record that a reader from there on gets.
            const auto got = std::find_if(all.begin(), all.end(), [begin](const auto& one) {
                return one.first >= begin;
            });
            CAPTURE(round, time, begin.value);
            REQUIRE(got == want);
        }
    }
}

TEST_CASE("start point: a journal that cannot be read is an error", "[sinks]") {
    FakeLog log;
    append(log, {1, 2, 3});
    log.fail_at(Lsn{2}, Error{Errc::io, "bad disk"});
    CHECK_FALSE(first_arrival_at(*log.reader(), at(2), {}).ok());
}

TEST_CASE("start point: words and times, and back", "[sinks]") {
    for (const char* text : {"earliest", "latest", "2026-01-02T03:04:05.678Z"}) {
        const auto start = StartAt::parse(text);
        REQUIRE(start.ok());
        CHECK(start->text() == text);
    }
    CHECK(StartAt::parse("2026-01-02")->text() == "2026-01-02T00:00:00.000Z");
    CHECK_FALSE(StartAt::parse("yesterday").ok());
    CHECK_FALSE(StartAt::parse("").ok());
}

}  // namespace
}  // namespace penstock::sinks

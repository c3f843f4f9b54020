#include "sinks/balance.h"

#include "base/metrics.h"
#include "sinks/contract/memory_far_side.h"
#include "sinks/runner.h"
#include "support/fake_clock.h"
#include "support/fake_log.h"
#include "support/fake_stores.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace penstock::sinks {
namespace {

const Balance kBalance{
    Lsn{7}, {.confirmed = 1, .refused = 2, .filtered = 3, .expired = 4, .corrupt = 5, .skipped = 6}
};

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
    std::vector<std::byte> out;
    for (const int value : values)
        out.push_back(static_cast<std::byte>(value));
    return out;
}

TEST_CASE("balance: version 1 is written and read as it always was", "[sinks][R6][golden]") {
    const auto bytes = encode_balance(kBalance);
    REQUIRE(bytes.size() == 2 + 7 * 8);
    std::vector<std::byte> golden = bytes_of({1, 0});
    for (const int number : {7, 1, 2, 3, 4, 5, 6}) {
        const auto eight = bytes_of({number, 0, 0, 0, 0, 0, 0, 0});
        golden.insert(golden.end(), eight.begin(), eight.end());
    }
    CHECK(bytes == golden);
    CHECK(decode_balance(golden).value() == kBalance);
    CHECK(kBalance.cursor() == Lsn{28});
}

TEST_CASE("balance: bytes that are none are refused", "[sinks][R6]") {
    const auto whole = encode_balance(kBalance);
    CHECK(decode_balance({}).error().code == Errc::not_found);
    for (std::size_t size = 1; size < whole.size(); ++size)
        CHECK_FALSE(decode_balance(std::span(whole).first(size)).ok());
    auto longer = whole;
    longer.push_back(std::byte{0});
    CHECK(decode_balance(longer).error().code == Errc::corrupt);
    auto newer = whole;
    newer[0] = std::byte{2};
    CHECK(decode_balance(newer).error().code == Errc::unsupported);
}

TEST_CASE("balance: one that tells of another position begins anew at the cursor", "[sinks][R6]") {
    const auto saved = encode_balance(kBalance);
    CHECK(balance_at(Lsn{28}, saved) == kBalance);
    CHECK(balance_at(Lsn{27}, saved) == Balance{Lsn{27}, {}});
    CHECK(balance_at(Lsn{28}, {}) == Balance{Lsn{28}, {}});
}

RunnerParts parts_of(
    test::FakeLog& log,
    test::FakeDiskOfSink& disk,
    contract::MemoryFarSide& far,
    metrics::Registry& registry
) {
    RunnerParts parts;
    parts.id = "events";
    parts.type = "memory";
    parts.sink = far.make_sink({});
    parts.reader = log.reader();
    parts.open_reader = [&log] { return log.reader(); };
    parts.cursor = std::make_unique<test::FakeCursorFile>(disk);
    parts.refused = std::make_unique<test::FakeRefusedStore>(disk);
    parts.metrics = &registry;
    return parts;
}

/// `penstock_sink_<name>{sink="events"}` of a scrape.
std::map<std::string, double> figures_in(const std::string& scrape) {
    constexpr std::string_view kPrefix = "penstock_sink_";
    std::map<std::string, double> out;
    std::istringstream lines(scrape);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(kPrefix)) continue;
        const std::string name = line.substr(kPrefix.size(), line.find('{') - kPrefix.size());
        out[name] = std::stod(line.substr(line.rfind(' ')));
    }
    return out;
}

double accounted(std::map<std::string, double>& figures) {
    return figures["confirmed_records_total"] + figures["quarantined_records_total"] +
           figures["filtered_records_total"] + figures["expired_records_total"] +
           figures["corrupt_records_total"] + figures["skipped_lsns_total"] +
           figures["lag_records"];
}

TEST_CASE(
    "balance: FORBIDDEN while records flow: a scrape that does not add up", "[sinks][R6][threads]"
) {
    test::FakeLog log;
    test::FakeDiskOfSink disk;
    contract::MemoryFarSide far;
    metrics::Registry registry;
    RunnerThread runner(parts_of(log, disk, far, registry));
    runner.start();
    constexpr std::uint64_t kRecords = 20'000;
    std::uint64_t made = 0;
    std::uint64_t moments = 0;
    double last = -1;
    while (last < static_cast<double>(kRecords)) {
        if (made < kRecords) {
            std::vector<test::RecordSpec> chunk(std::min<std::uint64_t>(100, kRecords - made));
            for (test::RecordSpec& spec : chunk)
                spec.at = static_cast<std::int64_t>(++made);
            log.append(chunk);
        }
        auto figures = figures_in(registry.scrape());
        REQUIRE(accounted(figures) == figures["durable_lsn"] - figures["base_lsn"]);
        const auto health = runner.health();
        REQUIRE(health.balance.cursor().plus(health.lag_records) == health.durable);
        if (figures["confirmed_records_total"] != last) ++moments;
        last = figures["confirmed_records_total"];
    }
    CHECK(moments > 2);
    CHECK(runner.stop(std::chrono::seconds(5)));
}

/// Takes everything, and has as much confirmed as it is told to.
class Confirming final : public Sink {
public:
    explicit Confirming(const Lsn& confirmed) : confirmed_(confirmed) {}
    [[nodiscard]] bool put(Lsn lsn, const RecordView&) override {
        last_ = lsn;
        return true;
    }
    void skip(Lsn) override {}
    void flush() override {}
    [[nodiscard]] SinkProgress poll(Nanoseconds) override {
        SinkProgress progress;
        progress.safe = std::min(last_, confirmed_);
        return progress;
    }
    void reset(Lsn) override {}
    [[nodiscard]] Status probe(Nanoseconds) override { return {}; }

private:
    const Lsn& confirmed_;
    Lsn last_;
};

TEST_CASE(
    "runner: the cursor follows what was confirmed, not what was put", "[sinks][runner][R3]"
) {
    test::FakeLog log;
    test::FakeDiskOfSink disk;
    contract::MemoryFarSide far;
    metrics::Registry registry;
    log.append(std::vector<test::RecordSpec>(10));
    Lsn confirmed;
    test::FakeClock clock;
    auto parts = parts_of(log, disk, far, registry);
    parts.sink = std::make_unique<Confirming>(confirmed);
    parts.clock = &clock;
    Runner runner(std::move(parts));
    for (const std::uint64_t lsn : {0U, 3U, 7U, 10U}) {
        confirmed = {lsn};
        for (int i = 0; i < 5; ++i) {
            static_cast<void>(runner.step(0, {}));
            clock.advance(kSecond);
        }
        CHECK(disk.cursor == confirmed);
        CHECK(disk.balance.tally == Tally{.confirmed = lsn});
    }
}

TEST_CASE("balance: goes on where it was saved, over restarts", "[sinks][R6]") {
    test::FakeLog log;
    test::FakeDiskOfSink disk;
    contract::MemoryFarSide far;
    for (std::uint64_t start = 1; start <= 3; ++start) {
        metrics::Registry registry;
        log.append(std::vector<test::RecordSpec>(50));
        Runner runner(parts_of(log, disk, far, registry));
        while (runner.health().balance.cursor() < log.durable())
            static_cast<void>(runner.step(0, {}));
        runner.finish();
        CHECK(disk.balance == Balance{Lsn{0}, {.confirmed = 50 * start}});
        CHECK(disk.balance.cursor() == *disk.cursor);
    }
}

}  // namespace
}  // namespace penstock::sinks

#include "sinks/runner.h"

#include "base/metrics.h"
#include "sinks/contract/contract.h"
#include "sinks/contract/memory_far_side.h"
#include "sinks/ledger.h"
#include "support/fake_clock.h"
#include "support/fake_log.h"
#include "support/fake_stores.h"

#include <catch2/catch.hpp>

#include <memory>
#include <set>
#include <stdexcept>

namespace penstock::sinks {
namespace {

using contract::Fault;
using contract::MemoryFarSide;

PS_SINK_CONTRACT("memory sink", "[sinks]", [] { return std::make_unique<MemoryFarSide>(); })

/// A runner on turned-by-hand time.
class World {
public:
    World() { settings.retry.first = std::chrono::milliseconds(100); }

    void records(
        std::size_t count, const std::string& stream = "wearables", std::uint8_t flags = 0
    ) {
        std::vector<test::RecordSpec> chunk(count);
        for (test::RecordSpec& spec : chunk) {
            spec.at = ++number_;
            spec.heart_rate = number_;
            spec.stream = stream;
            spec.flags = flags;
        }
        log.append(chunk);
    }
    void poison() {
        test::RecordSpec spec;
        spec.at = ++number_;
        spec.payload = "{\"poison\":1}";
        log.append({spec});
    }
    void start() {
        RunnerParts parts;
        parts.id = "events";
        parts.type = "memory";
        parts.settings = settings;
        parts.sink = sink ? std::move(sink) : far.make_sink({});
        parts.reader = log.reader();
        parts.open_reader = [this] { return log.reader(); };
        parts.cursor = std::make_unique<test::FakeCursorFile>(disk);
        parts.refused = std::make_unique<test::FakeRefusedStore>(disk);
        parts.metrics = &metrics;
        parts.clock = &clock;
        runner.reset();
        runner = std::make_unique<Runner>(std::move(parts));
    }
    /// Steps for a span of fake time.
    void run(Nanoseconds span) {
        if (!runner) start();
        const Nanoseconds end = clock.monotonic() + span;
        while (clock.monotonic() < end) {
            const Nanoseconds idle = runner->step(0, {});
            ++steps;
            clock.advance(std::clamp<Nanoseconds>(idle, kMillisecond / 10, end - clock.monotonic())
            );
        }
    }
    [[nodiscard]] double metric(const std::string& name) const {
        return metrics.value("penstock_sink_" + name, {{"sink", "events"}});
    }
    [[nodiscard]] double errors(const std::string& kind) const {
        return metrics.value("penstock_sink_errors_total", {{"sink", "events"}, {"class", kind}});
    }
    [[nodiscard]] bool books_balance() const {
        const double after_base = static_cast<double>(log.durable().value) - metric("base_lsn");
        const double accounted =
            metric("confirmed_records_total") + metric("quarantined_records_total") +
            metric("filtered_records_total") + metric("expired_records_total") +
            metric("corrupt_records_total") + metric("skipped_lsns_total") + metric("lag_records");
        return after_base == accounted;
    }
    [[nodiscard]] std::size_t distinct() {
        std::set<Nanoseconds> times;
        for (const auto& a : far.arrived())
            times.insert(a.event_time);
        return times.size();
    }

    test::FakeLog log;
    test::FakeClock clock;
    test::FakeDiskOfSink disk;
    MemoryFarSide far;
    metrics::Registry metrics;
    SinkConfig settings;
    std::unique_ptr<Sink> sink;  // in place of the memory sink
    std::unique_ptr<Runner> runner;
    std::size_t steps = 0;

private:
    std::int64_t number_ = 0;
};

TEST_CASE("runner: delivers all and saves the cursor at the end", "[sinks][runner]") {
    World world;
    world.records(1000);
    world.run(kSecond);
    CHECK(world.disk.cursor == Lsn{1000});
    CHECK(world.far.arrived().size() == 1000);
    CHECK(world.runner->health().state == SinkState::running);
    CHECK(world.runner->health().lag_records == 0);
    CHECK(world.books_balance());
}

TEST_CASE("runner: saves the cursor at most every 100 ms or 10,000 records", "[sinks][runner]") {
    World world;
    for (int i = 0; i < 20; ++i) {
        world.records(10);
        world.run(10 * kMillisecond);
    }
    CHECK(world.disk.saves.size() <= 4);
    world.run(kSecond);
    CHECK(world.disk.cursor == Lsn{200});
    world.disk.saves.clear();
    world.run(10 * kSecond);
    CHECK(world.disk.saves.empty());
}

TEST_CASE("runner: an idle sink costs about one step a second", "[sinks][runner]") {
    World world;
    world.records(10);
    world.run(5 * kSecond);
    world.steps = 0;
    world.run(60 * kSecond);
    CHECK(world.steps < 130);
}

TEST_CASE(
    "runner: only the chosen streams reach the sink, the rest is counted", "[sinks][runner]"
) {
    World world;
    world.settings.streams = {"wearables"};
    for (int i = 0; i < 50; ++i) {
        world.records(3);
        world.records(2, "doors");
    }
    world.run(kSecond);
    CHECK(world.far.arrived().size() == 150);
    CHECK(world.disk.cursor == Lsn{250});
    CHECK(world.metric("filtered_records_total") == 100);
    CHECK(world.books_balance());
}

TEST_CASE("runner: quarantined records stay out unless asked for", "[sinks][runner]") {
    const auto [records, wanted] = GENERATE(table<Records, std::size_t>({
        {Records::accepted, 10},
        {Records::quarantined, 4},
        {Records::all, 14},
    }));
    World world;
    world.settings.records = records;
    world.records(10);
    world.records(4, "wearables", kQuarantined);
    world.run(kSecond);
    CHECK(world.far.arrived().size() == wanted);
    CHECK(world.disk.cursor == Lsn{14});
}

TEST_CASE("runner: a new sink begins where it is told to", "[sinks][runner]") {
    World world;
    world.records(30);
    world.log.expire(Lsn{10});
    SECTION("with the oldest record that is kept") {
        world.run(kSecond);
        CHECK(world.far.arrived().size() == 20);
        CHECK(world.metric("expired_records_total") == 0);
    }
    SECTION("with the next one, also after a restart") {
        world.settings.start_at.kind = StartAt::Kind::latest;
        world.run(kMillisecond);
        world.runner.reset();
        world.records(5);
        world.run(kSecond);
        CHECK(world.far.arrived().size() == 5);
    }
    SECTION("with the oldest record when its cursor is lost, whatever it was told") {
        world.settings.start_at.kind = StartAt::Kind::latest;
        world.disk.cursor_lost = true;
        world.run(kSecond);
        CHECK(world.far.arrived().size() == 20);
    }
    CHECK(world.disk.cursor == world.log.durable());
    CHECK(world.books_balance());
}

TEST_CASE("runner: goes on for ever against a far side that is down", "[sinks][runner][S01]") {
    const Nanoseconds down = GENERATE(10 * kSecond, 360 * kSecond, 3600 * kSecond);
    World world;
    world.records(500);
    world.far.set(Fault::unreachable);
    world.run(down);
    CHECK(world.disk.cursor == Lsn{0});
    CHECK(world.runner->health().state == SinkState::backing_off);
    CHECK(world.runner->health().lag_seconds >= static_cast<double>(down / kSecond) - 2);
    CHECK(world.errors("transient") >= 3);
    CHECK(world.metric("retries_total") < static_cast<double>(down / kSecond) + 20);
    world.far.set(Fault::none);
    world.run(60 * kSecond);
    CHECK(world.far.arrived().size() == 500);
    CHECK(world.disk.cursor == Lsn{500});
    CHECK(world.books_balance());
}

TEST_CASE("runner: wrong credentials are an alarm that is tried slowly", "[sinks][runner]") {
    World world;
    world.records(5);
    world.far.set(Fault::denied);
    world.run(600 * kSecond);
    CHECK(world.runner->health().state == SinkState::alarm);
    CHECK(world.errors("credentials") <= 41);
    CHECK(world.errors("credentials") >= 19);
    world.far.set(Fault::none);
    world.run(60 * kSecond);
    CHECK(world.runner->health().state == SinkState::running);
    CHECK(world.disk.cursor == Lsn{5});
}

TEST_CASE("runner: a refused record is kept before the cursor passes it", "[sinks][runner][S07]") {
    World world;
    world.records(20);
    world.poison();
    world.records(20);
    world.run(kSecond);
    REQUIRE(world.disk.kept.size() == 1);
    CHECK(world.disk.kept[0].lsn == Lsn{21});
    CHECK(world.disk.kept[0].payload == "{\"poison\":1}");
    CHECK(world.far.arrived().size() == 40);
    CHECK(world.disk.cursor == Lsn{41});
    CHECK(world.metric("quarantined_records_total") == 1);
    CHECK(world.books_balance());
}

TEST_CASE("runner: holds while the quarantine store is full", "[sinks][runner][S07]") {
    World world;
    world.disk.room = 0;
    world.records(20);
    world.poison();
    world.records(200);
    world.run(60 * kSecond);
    CHECK(world.runner->health().state == SinkState::holding);
    CHECK(world.disk.cursor == Lsn{20});
    CHECK(world.errors("quarantine") >= 5);
    CHECK(world.books_balance());
    world.disk.room = 1;
    world.run(20 * kSecond);
    CHECK(world.runner->health().state == SinkState::running);
    CHECK(world.disk.cursor == Lsn{221});
    CHECK(world.disk.kept.size() == 1);
    CHECK(world.books_balance());
}

TEST_CASE(
    "runner: a refused record is kept once although the batch is sent again", "[sinks][runner]"
) {
    World world;
    world.poison();
    world.records(20);
    world.far.set(Fault::reset_after_write);
    world.run(60 * kSecond);
    CHECK(world.disk.cursor == Lsn{21});
    CHECK(world.disk.kept.size() == 1);
    CHECK(world.books_balance());
}

TEST_CASE("runner: gaps are counted and stepped over", "[sinks][runner]") {
    World world;
    world.records(10);
    world.run(kSecond);
    world.records(10);
    world.records(10);
    world.log.expire(Lsn{20});
    world.log.gap(7, Gap::Cause::corrupt);
    world.records(1);
    world.log.gap(5, Gap::Cause::skipped);
    world.run(kSecond);
    CHECK(world.far.arrived().size() == 21);
    CHECK(world.disk.cursor == world.log.durable());
    CHECK(world.metric("expired_records_total") == 10);
    CHECK(world.metric("corrupt_records_total") == 7);
    CHECK(world.metric("skipped_lsns_total") == 5);
    CHECK(world.books_balance());
}

TEST_CASE(
    "runner: an unreadable journal is an alarm, and no record is passed over", "[sinks][runner]"
) {
    World world;
    world.records(10);
    world.records(10);
    world.log.fail_at(Lsn{11}, Error{Errc::corrupt, "frame checksum"});
    world.run(60 * kSecond);
    CHECK(world.runner->health().state == SinkState::alarm);
    CHECK(world.disk.cursor == Lsn{10});
    world.log.heal();
    world.run(60 * kSecond);
    CHECK(world.disk.cursor == Lsn{20});
}

TEST_CASE("runner: a new sink begins at a time, one with a cursor does not", "[sinks][runner]") {
    World world;
    world.records(30);  // each a millisecond after the one before
    world.settings.start_at = {StartAt::Kind::time, test::RecordSpec::kEpoch + 21 * kMillisecond};
    const bool resumed = GENERATE(false, true);
    if (resumed) world.disk.cursor = Lsn{10};
    world.run(kSecond);
    CHECK(world.far.arrived().size() == (resumed ? 20 : 10));
    CHECK(world.disk.cursor == Lsn{30});
    CHECK(world.books_balance());
}

TEST_CASE("runner: the cursor waits for a confirmation to settle", "[sinks][runner]") {
    World world;
    world.far.settle = 5 * kSecond;
    world.records(10);
    world.run(4 * kSecond);
    CHECK(world.far.arrived().size() == 10);
    CHECK(world.disk.cursor == Lsn{0});
    CHECK(world.runner->health().lag_records == 10);
    CHECK(world.books_balance());
    world.run(2 * kSecond);
    CHECK(world.disk.cursor == Lsn{10});
}

TEST_CASE(
    "runner: a settle time that the sink learns on the way counts at once", "[sinks][runner]"
) {
    World world;
    world.far.settle = 15 * kSecond;
    world.records(10);
    world.run(kSecond);
    CHECK(world.disk.cursor == Lsn{0});
    world.far.settle = 0;
    world.records(10);
    world.run(kSecond);
    CHECK(world.disk.cursor == Lsn{20});
    world.far.settle = 5 * kSecond;
    world.records(10);
    world.run(3 * kSecond);
    CHECK(world.disk.cursor == Lsn{20});
    world.run(3 * kSecond);
    CHECK(world.disk.cursor == Lsn{30});
    CHECK(world.books_balance());
}

TEST_CASE(
    "runner: what had not settled is delivered again when contact is lost", "[sinks][runner]"
) {
    World world;
    world.far.settle = 5 * kSecond;
    world.records(10);
    world.run(7 * kSecond);
    REQUIRE(world.disk.cursor == Lsn{10});
    world.records(10);
    world.run(kSecond);
    world.far.set(Fault::reset_after_write);
    world.records(10);
    world.run(30 * kSecond);
    CHECK(world.far.arrived().size() == 10 + 10 + 10 + 10 + 10);
    CHECK(world.distinct() == 30);
    CHECK(world.disk.cursor == Lsn{30});
    CHECK(world.books_balance());
}

TEST_CASE("runner: a cursor that cannot be saved stops nothing", "[sinks][runner]") {
    World world;
    world.records(10);
    world.disk.save_fails = Error{Errc::io, "disk"};
    world.run(2 * kSecond);
    CHECK(world.far.arrived().size() == 10);
    CHECK_FALSE(world.disk.cursor.has_value());
    CHECK(world.errors("cursor") >= 2);
    world.disk.save_fails.reset();
    world.run(kSecond);
    CHECK(world.disk.cursor == Lsn{10});
}

TEST_CASE("runner: the cursor of another journal is refused", "[sinks][runner]") {
    World world;
    world.records(10);
    world.disk.load_fails = Error{Errc::conflict, "the cursor is of another journal"};
    world.run(60 * kSecond);
    CHECK(world.runner->health().state == SinkState::alarm);
    CHECK(world.far.arrived().empty());
}

TEST_CASE("runner: a sink that hangs delays no other", "[sinks][runner][S08][S14]") {
    World worlds[3];
    worlds[1].far.set(Fault::hang);
    for (int second = 0; second < 60; ++second) {
        for (World& world : worlds) {
            world.records(100);
            world.run(kSecond);
        }
        CHECK(worlds[0].runner->health().lag_seconds <= 1);
        CHECK(worlds[2].runner->health().lag_seconds <= 1);
    }
    CHECK(worlds[0].disk.cursor == Lsn{6000});
    CHECK(worlds[1].disk.cursor == Lsn{0});
    CHECK(worlds[2].disk.cursor == Lsn{6000});
    CHECK(worlds[1].runner->health().lag_records == 6000);
    worlds[1].far.set(Fault::none);
    worlds[1].run(10 * kSecond);
    CHECK(worlds[1].disk.cursor == Lsn{6000});
}

/// Reports more as safe than it was given.
class Boaster final : public Sink {
public:
    [[nodiscard]] bool put(Lsn, const RecordView&) override { return false; }
    void skip(Lsn) override {}
    void flush() override {}
    [[nodiscard]] SinkProgress poll(Nanoseconds) override {
        SinkProgress progress;
        progress.safe = Lsn{1000};
        return progress;
    }
    void reset(Lsn) override {}
    [[nodiscard]] Status probe(Nanoseconds) override { return {}; }
};

TEST_CASE("runner: a cursor never passes what the sink was given", "[sinks][runner][S13]") {
    World world;
    world.records(10);
    world.sink = std::make_unique<Boaster>();
    world.run(kSecond);
    CHECK(world.disk.cursor == Lsn{0});
    CHECK(world.errors("internal") > 0);
}

/// Fails in a way that it should not.
class Thrower final : public Sink {
public:
    [[nodiscard]] bool put(Lsn, const RecordView&) override { throw std::runtime_error("oops"); }
    void skip(Lsn) override {}
    void flush() override {}
    [[nodiscard]] SinkProgress poll(Nanoseconds) override { return {}; }
    void reset(Lsn) override {}
    [[nodiscard]] Status probe(Nanoseconds) override { return {}; }
};

TEST_CASE("runner: a sink that throws is reset and counted", "[sinks][runner]") {
    World world;
    world.records(10);
    world.sink = std::make_unique<Thrower>();
    world.run(60 * kSecond);
    CHECK(world.runner->health().state == SinkState::backing_off);
    CHECK(world.runner->health().last_error == "oops");
    CHECK(world.errors("internal") >= 2);
    CHECK(world.errors("internal") < 30);
    CHECK(world.disk.cursor == Lsn{0});
}

TEST_CASE("runner: trouble is shown as long as nothing is confirmed", "[sinks][runner]") {
    class Troubled final : public Sink {
    public:
        explicit Troubled(bool& well) : well_(well) {}
        [[nodiscard]] bool put(Lsn lsn, const RecordView&) override {
            last_ = lsn;
            return true;
        }
        void skip(Lsn) override {}
        void flush() override {}
        [[nodiscard]] SinkProgress poll(Nanoseconds) override {
            SinkProgress progress;
            if (well_) progress.safe = last_;
            if (!well_) progress.trouble = SinkFailure{FailureClass::credentials, "no", {}, false};
            return progress;
        }
        void reset(Lsn) override { ++resets; }
        [[nodiscard]] Status probe(Nanoseconds) override { return {}; }
        int resets = 0;

    private:
        bool& well_;
        Lsn last_;
    };
    bool well = false;
    World world;
    world.records(10);
    world.sink = std::make_unique<Troubled>(well);
    world.run(kSecond);
    CHECK(world.runner->health().state == SinkState::alarm);
    CHECK(world.metric("retries_total") == 0);
    well = true;
    world.run(kSecond);
    CHECK(world.runner->health().state == SinkState::running);
    CHECK(world.disk.cursor == Lsn{10});
}

TEST_CASE("runner: books balance over a reload that makes the sink anew", "[sinks][runner]") {
    World world;
    world.records(100);
    world.run(kSecond);
    world.runner->finish();
    world.start();
    world.records(50);
    world.run(kSecond);
    CHECK(world.metric("confirmed_records_total") == 150);
    CHECK(world.metric("cursor_lsn") == 150);
    CHECK(world.metric("state") == 1);
    CHECK(world.books_balance());
}

TEST_CASE("runner: finish saves what is confirmed", "[sinks][runner]") {
    World world;
    world.records(30);
    world.run(kMillisecond);
    world.runner->finish();
    CHECK(world.disk.cursor == Lsn{30});
    CHECK(world.runner->health().state == SinkState::stopped);
}

}  // namespace
}  // namespace penstock::sinks

#include "inspect/score/device_table.h"

#include "inspect/score/level_detector.h"
#include "inspect/support.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

using namespace penstock;
using namespace penstock::inspect;

namespace {

using Blob = std::vector<std::byte>;

MetricCatalogue catalogue(std::vector<std::string> fields, std::uint16_t warm_up = 5) {
    MetricCatalogue made;
    for (std::string& field : fields) {
        MetricCatalogue::Entry entry;
        entry.stream = "s";
        entry.key = device_hash("s:" + field);
        entry.field = std::move(field);
        entry.warm_up = warm_up;
        made.metrics.push_back(std::move(entry));
    }
    return made;
}

/// A table with one stream of metrics 0, 1, ..
class Bench {
public:
    explicit Bench(MetricCatalogue metrics, std::size_t max_bytes = 64 << 20)
        : metrics_(std::move(metrics)), table(metrics_, detector_, max_bytes) {}

    Score hears(const std::string& device, std::vector<double> values) {
        std::vector<Metric> metrics;
        for (std::uint16_t i = 0; i < values.size(); ++i)
            metrics.push_back({i, static_cast<std::uint16_t>(i + 10), values[i]});
        return table.score(device_hash(device), device, 0, metrics, ++position_);
    }
    /// The states of all devices by id.
    std::map<std::string, Blob> states() {
        table.mark_all_changed();
        std::map<std::string, Blob> all;
        const std::size_t left =
            table.save_changed(1'000'000, [&](std::uint64_t, std::span<const std::byte> blob) {
                all[std::string(StateBlob::parse(blob).value().device())] =
                    Blob(blob.begin(), blob.end());
            });
        CHECK(left == 0);
        return all;
    }
    std::uint64_t position_ = 0;

private:
    MetricCatalogue metrics_;
    LevelDetector detector_;

public:
    DeviceTable table;
};

std::string name(int i) {
    return "device-" + std::to_string(i);
}

}  // namespace

TEST_CASE("the most unusual metric decides the score and is named", "[inspect][score]") {
    Bench bench(catalogue({"a", "b"}));
    for (int i = 0; i < 50; ++i)
        CHECK(bench.hears("d", {20.0 + i % 3, 100.0 + i % 5}).value < 0.9);
    const Score said = bench.hears("d", {21, 500});
    CHECK(said.field == 11);
    CHECK(said.value > 0.99);
    CHECK(said.expected == Approx(102).margin(2));
    CHECK(said.deviation > 10);
    CHECK(bench.hears("d", {}).field == 0xffff);
    CHECK(bench.hears("new", {1, 1}).field == 0xffff);
}

TEST_CASE("devices with equal hashes are told apart", "[inspect][score][M19]") {
    Bench bench(catalogue({"a"}));
    const std::vector<Metric> low{{0, 0, 1}};
    const std::vector<Metric> high{{0, 0, 1000}};
    std::uint64_t position = 0;
    for (int i = 0; i < 50; ++i) {
        (void)bench.table.score(7, "x", 0, low, ++position);
        (void)bench.table.score(7, "y", 0, high, ++position);
    }
    CHECK(bench.table.devices() == 2);
    CHECK(bench.table.score(7, "x", 0, low, ++position).value == 0);
    CHECK(bench.table.score(7, "y", 0, low, ++position).value > 0.9);
}

TEST_CASE("a record at or below a state's position changes nothing", "[inspect][score]") {
    Bench bench(catalogue({"a"}));
    for (int i = 0; i < 20; ++i)
        (void)bench.hears("d", {1.0 * i});
    const auto before = bench.states();
    const std::vector<Metric> metrics{{0, 0, 99}};
    CHECK(bench.table.score(device_hash("d"), "d", 0, metrics, 20).field == 0xffff);
    CHECK(bench.table.score(device_hash("d"), "d", 0, metrics, 3).field == 0xffff);
    CHECK(bench.states() == before);
}

TEST_CASE(
    "at the bound the device heard of least recently goes, and is counted", "[inspect][score]"
) {
    const auto table_bytes = [](int devices) {
        Bench bench(catalogue({"a"}));
        for (int i = 0; i < devices; ++i)
            (void)bench.hears(name(i), {1});
        return bench.table.bytes();
    };
    Bench bench(catalogue({"a"}), table_bytes(9));
    for (int i = 0; i < 9; ++i)
        (void)bench.hears(name(i), {1});
    (void)bench.hears(name(0), {1});
    CHECK(bench.table.evicted() == 0);
    (void)bench.hears(name(9), {1});
    CHECK(bench.table.evicted() == 1);
    CHECK(bench.table.devices() == 9);
    const auto states = bench.states();
    CHECK(states.contains(name(0)));
    CHECK_FALSE(states.contains(name(1)));
    CHECK(states.contains(name(9)));
}

TEST_CASE("the table never grows beyond its bytes and never loses count", "[inspect][score]") {
    constexpr std::size_t kBytes = 200'000;
    Bench bench(catalogue({"a", "b", "c", "d"}), kBytes);
    std::mt19937 random(3);
    for (int i = 0; i < 50'000; ++i) {
        const std::vector<double> values(1 + random() % 4, 1.0);
        (void)bench.hears(name(static_cast<int>(random() % 20'000)), values);
        REQUIRE(bench.table.bytes() <= kBytes);
    }
    CHECK(bench.table.evicted() > 10'000);
    CHECK(bench.table.devices() > 1'000);
    CHECK(bench.table.changed() == bench.table.devices());
    CHECK(bench.states().size() == bench.table.devices());
    // Every device that is left is found again, not made anew.
    const std::size_t devices = bench.table.devices();
    const auto evicted = bench.table.evicted();
    for (const auto& [id, blob] : bench.states())
        (void)bench.hears(id, {1});
    CHECK(bench.table.devices() == devices);
    CHECK(bench.table.evicted() == evicted);
}

TEST_CASE(
    "a device with too many metrics keeps the first 64; the rest is counted", "[inspect][score]"
) {
    std::vector<std::string> fields;
    for (int i = 0; i < 70; ++i)
        fields.push_back("f" + std::to_string(i));
    Bench bench(catalogue(fields));
    (void)bench.hears("d", std::vector<double>(70, 1.0));
    CHECK(bench.table.unscored() == 6);
    const Blob blob = bench.states().at("d");
    CHECK(StateBlob::parse(blob).value().metrics() == 64);
}

TEST_CASE("only changed devices are handed out, in portions, once", "[inspect][score]") {
    Bench bench(catalogue({"a"}));
    for (int i = 0; i < 10; ++i)
        (void)bench.hears(name(i), {1});
    std::vector<std::uint64_t> positions;
    const auto take = [&](std::uint64_t position, std::span<const std::byte>) {
        positions.push_back(position);
    };
    CHECK(bench.table.save_changed(4, take) == 6);
    CHECK(bench.table.save_changed(100, take) == 0);
    std::sort(positions.begin(), positions.end());
    CHECK(positions == std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
    (void)bench.hears(name(3), {2});
    (void)bench.hears(name(3), {3});
    positions.clear();
    CHECK(bench.table.save_changed(100, take) == 0);
    CHECK(positions == std::vector<std::uint64_t>{12});
}

TEST_CASE(
    "a state that was saved and restored goes on as if nothing had happened", "[inspect][score]"
) {
    Bench live(catalogue({"a", "b"}));
    std::mt19937 random(9);
    std::normal_distribution<double> noise(50, 4);
    for (int i = 0; i < 500; ++i)
        (void)live.hears(name(i % 7), {noise(random), noise(random)});
    Bench other(catalogue({"x", "b", "a"}));  // other numbers for the same metrics
    for (const auto& [id, blob] : live.states())
        REQUIRE(other.table.restore(StateBlob::parse(blob).value()).ok());
    other.position_ = live.position_;
    CHECK(other.states() == live.states());
    for (int i = 0; i < 100; ++i) {
        const double a = noise(random);
        const double b = noise(random);
        const Score expected = live.hears(name(i % 7), {a, b});
        const std::vector<Metric> swapped{{2, 10, a}, {1, 11, b}};
        const Score got =
            other.table.score(device_hash(name(i % 7)), name(i % 7), 0, swapped, ++other.position_);
        REQUIRE(std::memcmp(&got.value, &expected.value, sizeof got.value) == 0);
        REQUIRE(got.field == expected.field);
    }
    CHECK(other.states() == live.states());
}

TEST_CASE("the newer of two states wins, whatever the order", "[inspect][score]") {
    Bench bench(catalogue({"a"}));
    for (int i = 0; i < 3; ++i)
        (void)bench.hears("d", {1});
    const Blob older = bench.states().at("d");
    (void)bench.hears("d", {2});
    const Blob newer = bench.states().at("d");
    Bench other(catalogue({"a"}));
    for (const Blob* blob : {&newer, &older})
        REQUIRE(other.table.restore(StateBlob::parse(*blob).value()).ok());
    CHECK(other.states().at("d") == newer);
    Bench third(catalogue({"a"}));
    for (const Blob* blob : {&older, &newer})
        REQUIRE(third.table.restore(StateBlob::parse(*blob).value()).ok());
    CHECK(third.states().at("d") == newer);
    CHECK(third.table.devices() == 1);
}

TEST_CASE("positions become LSNs when they are known", "[inspect][score]") {
    Bench bench(catalogue({"a"}));
    (void)bench.hears("d", {1});
    Blob blob = bench.states().at("d");
    StateBlob::set_lsn(blob, Lsn{1234});
    CHECK(StateBlob::parse(blob).value().lsn() == Lsn{1234});
}

TEST_CASE("a change of settings keeps what is still scored", "[inspect][score]") {
    Bench bench(catalogue({"a", "b"}));
    for (int i = 0; i < 40; ++i)
        (void)bench.hears("d", {1.0 * (i % 2), 5.0 * (i % 3)});
    const MetricCatalogue next = catalogue({"c", "b"});
    bench.table.use(next);
    const Blob blob = bench.states().at("d");
    const StateBlob parsed = StateBlob::parse(blob).value();
    REQUIRE(parsed.metrics() == 1);
    CHECK(parsed.metric(0) == device_hash("s:b"));
    const std::vector<Metric> metrics{{1, 0, 500}};
    CHECK(bench.table.score(device_hash("d"), "d", 0, metrics, 1'000).value > 0.9);
}

TEST_CASE("no cut or flipped bit in a state is taken", "[inspect][score][M21]") {
    Bench bench(catalogue({"a", "b"}));
    for (int i = 0; i < 10; ++i)
        (void)bench.hears("a device with a long id", {1.0 * i, 2});
    const Blob blob = bench.states().begin()->second;
    REQUIRE(StateBlob::parse(blob).ok());
    for (std::size_t size = 0; size < blob.size(); ++size) {
        const Blob cut(blob.begin(), blob.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK_FALSE(StateBlob::parse(cut).ok());
    }
    for (std::size_t bit = 0; bit < blob.size() * 8; ++bit) {
        Blob flipped = blob;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        CHECK_FALSE(StateBlob::parse(flipped).ok());
    }
}

TEST_CASE("states that pass their checksum but hold nonsense do no harm", "[inspect][score][M21]") {
    Bench bench(catalogue({"a", "b"}));
    for (int i = 0; i < 10; ++i)
        (void)bench.hears("device", {1.0 * i, 2});
    const Blob blob = bench.states().begin()->second;
    std::mt19937 random(17);
    int taken = 0;
    for (int i = 0; i < 20'000; ++i) {
        Blob wrong = blob;
        for (std::size_t times = 1 + random() % 4; times > 0; --times)
            wrong[random() % (wrong.size() - 8)] = static_cast<std::byte>(random());
        StateBlob::seal(wrong);
        const auto parsed = StateBlob::parse(wrong);
        if (!parsed.ok()) continue;
        ++taken;
        Bench other(catalogue({"a", "b"}));
        (void)other.table.restore(parsed.value()).ok();
        other.position_ = UINT64_MAX - 10;
        (void)other.hears("device", {1, 2});
    }
    CHECK(taken > 100);
}

TEST_CASE(
    "replaying the journal gives the state and scores of live scoring, bit for bit",
    "[inspect][score]"
) {
    const std::string yaml = R"yaml(
streams:
  s:
    topics: ["s"]
    device: { field: id }
    fields: { a: {}, nested: {} }
    derive: { twice: "a * 2" }
    score: [a, nested.b, twice]
    scoring: { warm_up: 5 }
  other:
    topics: ["o"]
    device: { field: id }
    score: [a]
)yaml";
    Desk desk(yaml);
    const LevelDetector detector;
    DeviceTable live(desk.inspector().metrics(), detector, 1 << 24);
    std::vector<Said> journal;
    std::map<std::string, Blob> early;
    std::mt19937 random(21);
    std::vector<Score> scores;
    const auto all = [](DeviceTable& table) {
        table.mark_all_changed();
        std::map<std::string, Blob> states;
        (void)table.save_changed(1'000, [&](std::uint64_t, std::span<const std::byte> blob) {
            states[std::string(StateBlob::parse(blob).value().device())] =
                Blob(blob.begin(), blob.end());
        });
        return states;
    };
    for (std::uint64_t lsn = 1; lsn <= 2'000; ++lsn) {
        const double value = static_cast<double>(random() % 100'000) / 7;
        std::string payload = "{\"id\":\"" + name(static_cast<int>(random() % 5)) +
                              "\",\"a\":" + std::to_string(value) +
                              ",\"nested\":{\"b\":" + std::to_string(random() % 1000) + "e-3}}";
        if (random() % 50 == 0) payload += "!";
        journal.push_back(desk.says(random() % 4 == 0 ? "o" : "s", payload));
        const Said& said = journal.back();
        const RecordView& record = said.record;
        scores.push_back(live.score(
            record.device_hash(), record.device(), record.event_time(), said.metrics, lsn
        ));
        if (lsn == 700) early = all(live);
    }
    DeviceTable replayed(desk.inspector().metrics(), detector, 1 << 24);
    for (const auto& [id, blob] : early)
        REQUIRE(replayed.restore(StateBlob::parse(blob).value()).ok());
    for (std::uint64_t lsn = 400; lsn <= 2'000; ++lsn)
        replayed.apply(journal[lsn - 1].record, Lsn{lsn});
    CHECK(all(replayed) == all(live));
    CHECK(std::count_if(scores.begin(), scores.end(), [](const Score& s) {
              return s.field != 0xffff;
          }) > 1'500);
}

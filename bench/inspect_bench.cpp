// What inspection costs per record: the whole of it, its walk over the payload beside the two ways
// that simdjson offers to check all of a document, and the score. One payload of 4 fields (about 90
// bytes), one of 26 values (about 500).
#include "config/field.h"
#include "inspect/inspector.h"
#include "inspect/score/device_table.h"
#include "inspect/score/level_detector.h"
#include "inspect/support.h"
#include "penstock/intake.h"
#include "penstock/record.h"

#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace penstock;
using namespace penstock::inspect;

constexpr std::string_view kSmall =
    R"({"deviceId":"wearable-001234","heartRate":72,"steps":1204,"timestamp":"2026-01-02T03:04:05.678Z"})";

constexpr std::string_view kLarge =
    R"({"deviceId":"wearable-001234","timestamp":"2026-01-02T03:04:05.678Z","heartRate":72.5,"steps":1204,)"
    R"("spo2":97.2,"skinTemp":33.41,"respRate":14,"hrv":48.7,"stress":21,"calories":812.4,"distance":5321.7,)"
    R"("floors":9,"battery":83,"charging":false,"wristOn":true,"accelX":0.012,"accelY":-0.981,"accelZ":0.113,)"
    R"("gyroX":1.25,"gyroY":-0.5,"gyroZ":0.031,"lat":52.370216,"lon":4.895168,"altitude":3.2,)"
    R"("firmware":"4.12.1-b7","activity":"walking"})";

constexpr const char* kWideConfig = R"(
streams:
  wearables:
    topics: ["iot/wearable/data", "iot/+/data"]
    device: { field: deviceId }
    time:   { field: timestamp }
    fields:
      heartRate: { type: number, min: 20, max: 250, required: true }
      steps:     { type: integer, min: 0 }
      spo2:      { type: number, min: 0, max: 100 }
      skinTemp:  { type: number, min: -20, max: 60 }
      respRate:  { type: number, min: 0, max: 100 }
      battery:   { type: number, min: 0, max: 100 }
      wristOn:   { type: boolean }
    status:
      - { when: "heartRate > 140", is: HIGH_HEART_RATE }
      - { when: "spo2 < 90 and wristOn", is: LOW_OXYGEN }
    score: [heartRate, spo2, skinTemp, respRate]
)";

std::string padded(std::string_view text) {
    std::string memory(text);
    memory.append(kPayloadPadding, ' ');
    return memory;
}

std::unique_ptr<const Inspector> make_inspector(const char* yaml) {
    config::Problems problems;
    auto config = config::read<Config>(yaml, "bench.yaml", problems);
    return Inspector::create(*config, 42).value();
}

void examine(benchmark::State& state, const char* yaml, std::string_view payload) {
    const auto inspector = make_inspector(yaml);
    Workspace workspace(inspector->max_fields());
    const std::string memory = padded(payload);
    Message message;
    message.topic = "iot/wearable/data";
    message.client_id = "wearable-001234";
    message.payload = std::string_view(memory).substr(0, payload.size());
    message.arrival = 1'767'323'046 * kSecond;
    for (auto _ : state) {
        const Examined examined = inspector->examine(message, workspace);
        if (examined.outcome != Examined::Outcome::accepted) state.SkipWithError("not accepted");
        benchmark::DoNotOptimize(examined.record.fields.data());
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(payload.size()));
}

void examine_and_encode(benchmark::State& state, const char* yaml, std::string_view payload) {
    const auto inspector = make_inspector(yaml);
    Workspace workspace(inspector->max_fields());
    const std::string memory = padded(payload);
    std::vector<std::byte> out(8192);
    Message message;
    message.topic = "iot/wearable/data";
    message.client_id = "wearable-001234";
    message.payload = std::string_view(memory).substr(0, payload.size());
    message.arrival = 1'767'323'046 * kSecond;
    for (auto _ : state) {
        const Examined examined = inspector->examine(message, workspace);
        benchmark::DoNotOptimize(encode(examined.record, out));
    }
}

void walk(benchmark::State& state, std::string_view payload, bool known_form) {
    const std::string memory = padded(payload);
    NameTable names(1);
    for (const char* name : {"deviceId", "timestamp", "heartRate", "steps"})
        names.add(name);
    JsonWalk walk(1024);
    // Full of other forms, which it gives up slowly.
    Forms others;
    FieldIndex index(1024);
    Fault fault;
    for (std::size_t i = 0; i < Forms::kMax; ++i) {
        const std::string other = padded("{\"x" + std::to_string(i) + "\":1}");
        (void)walk.run(std::string_view(other).substr(0, 8), names, others, index, fault);
    }
    Forms forms;
    for (auto _ : state) {
        if (!known_form) {
            state.PauseTiming();
            forms = others;
            state.ResumeTiming();
        }
        const std::string_view text = std::string_view(memory).substr(0, payload.size());
        if (!walk.run(text, names, forms, index, fault)) state.SkipWithError("not taken");
        benchmark::DoNotOptimize(index.entries().data());
    }
}

void dom(benchmark::State& state, std::string_view payload) {
    const std::string memory = padded(payload);
    simdjson::dom::parser parser;
    for (auto _ : state) {
        simdjson::dom::element element;
        if (parser.parse(memory.data(), payload.size(), false).get(element))
            state.SkipWithError("not taken");
        benchmark::DoNotOptimize(element);
    }
}

/// Every value of a flat object, as it must be looked at for the whole document to be checked.
void on_demand(benchmark::State& state, std::string_view payload) {
    const std::string memory = padded(payload);
    simdjson::ondemand::parser parser;
    for (auto _ : state) {
        auto document = parser.iterate(memory.data(), payload.size(), memory.size());
        double sum = 0;
        for (auto field : document.get_object()) {
            const std::string_view key = field.unescaped_key().value_unsafe();
            sum += static_cast<double>(key.size());
            auto value = field.value();
            switch (value.type().value_unsafe()) {
                case simdjson::ondemand::json_type::number:
                    sum += value.get_double().value_unsafe();
                    break;
                case simdjson::ondemand::json_type::string:
                    sum += static_cast<double>(value.get_string().value_unsafe().size());
                    break;
                case simdjson::ondemand::json_type::boolean:
                    sum += value.get_bool().value_unsafe() ? 1 : 0;
                    break;
                default:
                    break;
            }
        }
        benchmark::DoNotOptimize(sum);
    }
}

/// simdjson's first stage alone: what a walk over its index would have to add its own work to.
void stage_one(benchmark::State& state, std::string_view payload) {
    const std::string memory = padded(payload);
    simdjson::dom::parser parser;
    if (parser.allocate(payload.size()) != simdjson::SUCCESS) state.SkipWithError("no memory");
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(memory.data());
    for (auto _ : state) {
        if (parser.implementation->stage1(bytes, payload.size(), simdjson::stage1_mode::regular) !=
            simdjson::SUCCESS)
            state.SkipWithError("not taken");
        benchmark::DoNotOptimize(parser.implementation->n_structural_indexes);
    }
}

/// Four metrics of devices in random order, which are prefetched as the shard does.
void score(benchmark::State& state) {
    const auto devices = static_cast<std::size_t>(state.range(0));
    MetricCatalogue metrics;
    for (const char* field : {"a", "b", "c", "d"}) {
        MetricCatalogue::Entry entry;
        entry.stream = "s";
        entry.field = field;
        entry.key = device_hash(field);
        metrics.metrics.push_back(entry);
    }
    const LevelDetector detector;
    DeviceTable table(metrics, detector, std::size_t{4} << 30U);
    std::vector<std::string> ids;
    std::vector<std::uint64_t> hashes;
    for (std::size_t i = 0; i < devices; ++i) {
        ids.push_back("device-" + std::to_string(i));
        hashes.push_back(device_hash(ids.back()));
    }
    std::uint64_t position = 0;
    std::vector<Metric> values{{0, 0, 1}, {1, 1, 2}, {2, 2, 3}, {3, 3, 4}};
    const auto hear = [&](std::size_t i) {
        for (Metric& metric : values)
            metric.value += (position & 1U) != 0 ? 0.25 : -0.25;
        benchmark::DoNotOptimize(table.score(hashes[i], ids[i], 0, values, ++position));
    };
    for (int round = 0; round < 40; ++round) {
        for (std::size_t i = 0; i < devices; ++i)
            hear(i);
    }
    std::vector<std::uint32_t> order(1U << 16U);
    std::uint64_t random = 88'172'645'463'325'252U;
    for (std::uint32_t& i : order) {
        random ^= random << 13U;
        random ^= random >> 7U;
        random ^= random << 17U;
        i = static_cast<std::uint32_t>(random % devices);
    }
    std::size_t at = 0;
    const auto ahead = [&](std::size_t n) { return order[(at + n) & (order.size() - 1)]; };
    for (auto _ : state) {
        table.prefetch_place(hashes[ahead(32)]);
        table.prefetch_state(hashes[ahead(16)]);
        hear(ahead(0));
        ++at;
    }
    state.counters["bytes/device"] =
        static_cast<double>(table.bytes()) / static_cast<double>(devices);
}

}  // namespace

BENCHMARK_CAPTURE(examine, small, kWearables.c_str(), kSmall);
BENCHMARK_CAPTURE(examine, large, kWideConfig, kLarge);
BENCHMARK_CAPTURE(examine_and_encode, small, kWearables.c_str(), kSmall);
BENCHMARK_CAPTURE(examine_and_encode, large, kWideConfig, kLarge);
BENCHMARK_CAPTURE(walk, small, kSmall, true);
BENCHMARK_CAPTURE(walk, large, kLarge, true);
BENCHMARK_CAPTURE(walk, large_of_new_form, kLarge, false);
BENCHMARK_CAPTURE(dom, small, kSmall);
BENCHMARK_CAPTURE(dom, large, kLarge);
BENCHMARK_CAPTURE(on_demand, small, kSmall);
BENCHMARK_CAPTURE(on_demand, large, kLarge);
BENCHMARK_CAPTURE(stage_one, small, kSmall);
BENCHMARK_CAPTURE(stage_one, large, kLarge);
BENCHMARK(score)->Arg(1'000)->Arg(100'000);

BENCHMARK_MAIN();

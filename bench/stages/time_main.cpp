// stage_bench: nanoseconds a record of each stage, by Google Benchmark. All options are its own.
#include "base/log.h"
#include "stage.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <exception>

namespace {

void measure(benchmark::State& state, const penstock::stages::Stage& stage) {
    try {
        const penstock::stages::Step step = stage.make();
        for (auto _ : state)
            step();
        const auto records = state.iterations() * static_cast<std::int64_t>(stage.records);
        state.SetItemsProcessed(records);
        using benchmark::Counter;
        state.counters["s/record"] =
            Counter(static_cast<double>(records), Counter::kIsRate | Counter::kInvert);
    } catch (const std::exception& error) {
        state.SkipWithError(error.what());
    }
}

}  // namespace

int main(int argc, char** argv) {
    penstock::log::set_level(penstock::log::Level::error);
    for (const auto& stage : penstock::stages::all_stages())
        benchmark::RegisterBenchmark(stage.name.c_str(), measure, stage);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
}

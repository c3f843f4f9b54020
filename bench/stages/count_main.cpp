// stage_count: does each stage a fixed number of times, so that callgrind can count its
// instructions (count.py). Set-up and the first records, after which tables and buffers have their
// size, do not count.
//
// Output: a line about what else decides the numbers, then `NAME RECORDS` for each stage, as many
// records as the dump of that name (`callgrind`: Client Request) is about.
#include "base/log.h"
#include "stage.h"

#include <gnu/libc-version.h>
#include <simdjson.h>
#include <valgrind/callgrind.h>
#include <zstd.h>

#include <algorithm>
#include <cstdio>
#include <exception>

namespace {

using namespace penstock::stages;

constexpr std::size_t kRecords = 2'000;

void count(const Stage& stage) {
    const std::size_t calls = std::max<std::size_t>(1, kRecords / stage.records);
    const Step step = stage.make();
    for (std::size_t i = 0; i < std::max<std::size_t>(2, calls / 4); ++i)
        step();
    CALLGRIND_ZERO_STATS;
    for (std::size_t i = 0; i < calls; ++i)
        step();
    CALLGRIND_DUMP_STATS_AT(stage.name.c_str());
    std::printf("%s %zu\n", stage.name.c_str(), calls * stage.records);
}

}  // namespace

int main() {
    penstock::log::set_level(penstock::log::Level::error);
    std::printf(
        "g++ %d.%d, glibc %s, simdjson %d.%d.%d %s, zstd %s\n",
        __GNUC__,
        __GNUC_MINOR__,
        gnu_get_libc_version(),
        static_cast<int>(simdjson::SIMDJSON_VERSION_MAJOR),
        static_cast<int>(simdjson::SIMDJSON_VERSION_MINOR),
        static_cast<int>(simdjson::SIMDJSON_VERSION_REVISION),
        simdjson::get_active_implementation()->name().c_str(),
        ZSTD_versionString()
    );
    for (const Stage& stage : all_stages()) {
        if (stage.judged != Stage::Judged::by_count) continue;
        try {
            count(stage);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s: %s\n", stage.name.c_str(), error.what());
            return 1;
        }
    }
}

#pragma once

#include "histogram.h"

#include <cstddef>
#include <cstdint>

/// What the load generator prints: lines of JSON for bench/measure.
namespace load {

/// User and system CPU time of this process so far.
[[nodiscard]] double cpu_seconds();

/// One line, whenever all connections of an idle load are up. `connect`: microseconds.
void print_connected(std::size_t connected, long lost, long turned_away, const Histogram& connect);

/// What a load came to; in events, unless said.
struct Result {
    std::int64_t sent = 0;
    std::int64_t acked = 0;
    std::int64_t refused = 0;
    std::int64_t never_sent = 0;
    double seconds = 0;
    double cpu_seconds = 0;    // of this process, meanwhile
    long lost = 0;             // connections
    long turned_away = 0;      // connections
    const Histogram& connect;  // microseconds
    const Histogram& latency;  // microseconds
};

/// One line, at the end of a load.
void print_result(const Result& result);

}  // namespace load

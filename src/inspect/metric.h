#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::inspect {

/// A scored value of a record.
struct Metric {
    std::uint16_t id = 0;     // which of MetricCatalogue::metrics
    std::uint16_t field = 0;  // where it stands in the record's fields
    double value = 0;
};

/// The scored fields of the configuration.
/// Threads: immutable.
struct MetricCatalogue {
    struct Entry {
        std::string stream;
        std::string field;
        std::uint64_t key = 0;  // names the metric in saved state: XXH64 of stream, NUL, field
        bool derived = false;
        std::uint16_t window = 300;
        std::uint16_t warm_up = 30;
    };
    std::vector<Entry> metrics;
};

}  // namespace penstock::inspect

#pragma once

#include "base/metrics.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace prometheus {
struct MetricFamily;
}

/// The registry's own form of a metric, and the way into that of the Prometheus library. Not locked
/// here: the registry's lock guards them.
namespace penstock::metrics {

/// All cells and callbacks of one set of label values.
struct Series {
    std::vector<const Counter*> counters;
    std::vector<const Gauge*> gauges;
    std::vector<const Histogram*> histograms;
    std::map<std::uint64_t, std::function<double()>> callbacks;

    [[nodiscard]] bool empty() const noexcept {
        return counters.empty() && gauges.empty() && histograms.empty() && callbacks.empty();
    }

    [[nodiscard]] double value() const {
        double sum = 0;
        for (const Counter* cell : counters)
            sum += static_cast<double>(cell->value());
        for (const Gauge* cell : gauges)
            sum += cell->value();
        for (const auto& [id, read] : callbacks)
            sum += read();
        return sum;
    }

    [[nodiscard]] Distribution distribution() const {
        Distribution sum;
        for (const Histogram* cell : histograms)
            sum.add(*cell);
        return sum;
    }
};

/// Series that somebody else keeps, and the names of their labels.
struct Group {
    std::vector<std::string> label_names;
    std::function<void(const ShowSeries&)> read;
};

/// A metric: what is known of it, and its cells.
struct Family {
    FamilyInfo info;
    Scale scale = Scale::seconds;
    std::size_t cells = 0;
    std::map<Labels, Series> series;
    std::map<std::uint64_t, Group> groups;
};

/// Adds up what `family` has now. Series without a cell are left out.
[[nodiscard]] prometheus::MetricFamily collect(const Family& family);

}  // namespace penstock::metrics

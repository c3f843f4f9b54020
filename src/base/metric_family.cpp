#include "base/metric_family.h"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace penstock::metrics {

namespace {

// Upper bounds in the unit observed. Each is the upper bound of a bucket of Histogram, so that sums
// are exact.
constexpr std::array<std::uint64_t, 24> kSecondsBounds{
    10'000,         25'000,          50'000,          100'000,        250'000,
    500'000,        1'000'000,       2'500'000,       5'000'000,      10'000'000,
    25'000'000,     50'000'000,      100'000'000,     250'000'000,    500'000'000,
    1'000'000'000,  2'500'000'000,   5'000'000'000,   10'000'000'000, 25'000'000'000,
    50'000'000'000, 100'000'000'000, 200'000'000'000, 300'000'000'000
};
constexpr std::array<std::uint64_t, 15> kBytesBounds{
    100,
    250,
    500,
    1'000,
    2'500,
    5'000,
    10'000,
    25'000,
    100'000,
    250'000,
    1'000'000,
    10'000'000,
    100'000'000,
    250'000'000,
    1'000'000'000
};
constexpr std::array<std::uint64_t, 19> kCountBounds{
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1'000,
    2'000,
    5'000,
    10'000,
    20'000,
    50'000,
    100'000,
    200'000,
    500'000,
    1'000'000
};

std::span<const std::uint64_t> bounds_of(Scale scale) noexcept {
    switch (scale) {
        case Scale::seconds:
            return kSecondsBounds;
        case Scale::bytes:
            return kBytesBounds;
        case Scale::count:
            break;
    }
    return kCountBounds;
}

double exported(Scale scale, std::uint64_t value) noexcept {
    return scale == Scale::seconds ? static_cast<double>(value) / 1e9 : static_cast<double>(value);
}

prometheus::ClientMetric labelled(const Labels& labels) {
    prometheus::ClientMetric metric;
    for (const auto& [label, value] : labels)
        metric.label.push_back({label, value});
    return metric;
}

void fill_histogram(prometheus::ClientMetric& metric, const Distribution& d, Scale scale) {
    std::uint64_t cumulative = 0;
    std::size_t bucket = 0;
    for (const std::uint64_t bound : bounds_of(scale)) {
        while (bucket < d.counts.size() && Histogram::upper_bound(bucket) <= bound) {
            cumulative += d.counts[bucket++];
        }
        metric.histogram.bucket.push_back({cumulative, exported(scale, bound)});
    }
    metric.histogram.sample_count = d.count;
    metric.histogram.sample_sum = exported(scale, d.sum);
}

prometheus::MetricType type_of(Type type) noexcept {
    switch (type) {
        case Type::counter:
            return prometheus::MetricType::Counter;
        case Type::gauge:
            return prometheus::MetricType::Gauge;
        case Type::histogram:
            break;
    }
    return prometheus::MetricType::Histogram;
}

void add_group(prometheus::MetricFamily& family, const Group& group) {
    group.read([&](std::span<const std::string_view> label_values, double value) {
        prometheus::ClientMetric metric;
        for (std::size_t i = 0; i < group.label_names.size(); ++i)
            metric.label.push_back({group.label_names[i], std::string(label_values[i])});
        metric.gauge.value = value;
        family.metric.push_back(std::move(metric));
    });
}

}  // namespace

prometheus::MetricFamily collect(const Family& family) {
    prometheus::MetricFamily out;
    out.name = family.info.name;
    out.help = family.info.help;
    out.type = type_of(family.info.type);
    for (const auto& [labels, series] : family.series) {
        if (series.empty()) continue;
        prometheus::ClientMetric metric = labelled(labels);
        switch (family.info.type) {
            case Type::counter:
                metric.counter.value = series.value();
                break;
            case Type::gauge:
                metric.gauge.value = series.value();
                break;
            case Type::histogram:
                fill_histogram(metric, series.distribution(), family.scale);
                break;
        }
        out.metric.push_back(std::move(metric));
    }
    for (const auto& [id, group] : family.groups)
        add_group(out, group);
    return out;
}

}  // namespace penstock::metrics

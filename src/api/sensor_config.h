#pragma once

#include "config/field.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::api {

/// The table `sensor_metrics:`: which values of devices `/metrics` shows. Bounds on what it adds to
/// a scrape: kSensorFieldsMax x kSensorDevicesMax series.
struct SensorConfig {
    std::vector<std::string> fields;   // empty: none, and nothing is read
    std::vector<std::string> streams;  // empty: all
    std::uint32_t devices_max = 100;
    Duration silent_after = std::chrono::minutes(5);

    [[nodiscard]] bool on() const noexcept { return !fields.empty(); }
    bool operator==(const SensorConfig&) const = default;
};

constexpr std::size_t kSensorFieldsMax = 16;
constexpr std::uint32_t kSensorDevicesMax = 2'000;

}  // namespace penstock::api

template <>
struct penstock::config::Fields<penstock::api::SensorConfig> {
    static Table<api::SensorConfig> table();
};

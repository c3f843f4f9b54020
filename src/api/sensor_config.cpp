#include "api/sensor_config.h"

#include <algorithm>
#include <string>
#include <vector>

namespace penstock::config {

using api::SensorConfig;

namespace {

bool names_differ(std::vector<std::string> names) {
    std::ranges::sort(names);
    return std::ranges::adjacent_find(names) == names.end();
}

}  // namespace

Table<SensorConfig> Fields<SensorConfig>::table() {
    return {
        field(
            "fields",
            &SensorConfig::fields,
            "Fields, of the payload or derived, whose latest number or boolean is shown as "
            "penstock_sensor_value. Empty: none.",
            max_items(api::kSensorFieldsMax),
            satisfies<std::vector<std::string>>("a list that names no field twice", names_differ)
        ),
        field("streams", &SensorConfig::streams, "Of these streams only; empty: of all."),
        field(
            "devices_max",
            &SensorConfig::devices_max,
            "Devices that are shown, a device once for each of its streams. The first to send keep "
            "their places until they are silent; records of others are counted in "
            "penstock_sensor_left_out_records_total.",
            between(1U, api::kSensorDevicesMax)
        ),
        field(
            "silent_after",
            &SensorConfig::silent_after,
            "A value that was not renewed for so long is no longer shown.",
            between(Duration(std::chrono::seconds(1)), Duration(std::chrono::hours(24)))
        ),
    };
}

}  // namespace penstock::config

#pragma once

#include "api/sensor_config.h"
#include "penstock/clock.h"
#include "penstock/history.h"

#include <memory>

namespace penstock::metrics {
class Registry;
}

namespace penstock::api {

/// Shows the latest values of devices at `/metrics` (sensor_table.h says which). While it is on, a
/// thread reads the journal from its newest record on, ten times a second; a start or a change of
/// its settings begins with an empty table. Holds up nobody: what retention took meanwhile is
/// stepped over.
/// Threads: owner.
class Sensors {
public:
    /// What is given must outlive it, but for the registry's scrapes.
    Sensors(History& history, const Clock& clock, metrics::Registry& registry);
    ~Sensors();
    Sensors(const Sensors&) = delete;
    Sensors& operator=(const Sensors&) = delete;

    /// From now on these; nothing happens when they are the ones in use.
    void use(const SensorConfig& config);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace penstock::api

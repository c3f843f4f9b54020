#pragma once

#include "app/settings.h"
#include "ingest/shard_listeners.h"
#include "penstock/clock.h"
#include "penstock/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace penstock::auth {
class Authenticator;
}
namespace penstock::metrics {
class Registry;
}

/// What devices connect to.
namespace penstock::app {

/// Names the listeners that are opened when the settings name none for devices: mqtt and http.
void fill_in_listeners(ListenersConfig& listeners);

/// Binds and logs every listener of the settings. `authenticator`, `clock` and `registry` must
/// outlive it; `stream_exists` is called by shards. Errors: as ingest::Listeners::open().
[[nodiscard]] Result<std::unique_ptr<ingest::Listeners>> open_device_listeners(
    const ListenersConfig& wanted,
    std::uint32_t shards,
    auth::Authenticator& authenticator,
    std::function<bool(std::string_view)> stream_exists,
    const Clock& clock,
    metrics::Registry& registry
);

}  // namespace penstock::app

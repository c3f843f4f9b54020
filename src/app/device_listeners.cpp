#include "app/device_listeners.h"

#include "base/log.h"
#include "ingest/http/server.h"
#include "ingest/mqtt/server.h"

#include <cstddef>
#include <utility>
#include <vector>

namespace penstock::app {

void fill_in_listeners(ListenersConfig& listeners) {
    if (listeners.mqtt || listeners.mqtts || listeners.http || listeners.https) return;
    listeners.mqtt.emplace();
    listeners.http.emplace();
}

Result<std::unique_ptr<ingest::Listeners>> open_device_listeners(
    const ListenersConfig& wanted,
    std::uint32_t shards,
    auth::Authenticator& authenticator,
    std::function<bool(std::string_view)> stream_exists,
    const Clock& clock,
    metrics::Registry& registry
) {
    const auto mqtt = std::make_shared<mqtt::Server>(authenticator, shards);
    std::vector<ingest::ListenerSpec> specs;
    if (wanted.mqtt) specs.push_back(mqtt->listener("mqtt", *wanted.mqtt));
    if (wanted.mqtts) specs.push_back(mqtt->listener("mqtts", *wanted.mqtts));
    const auto http = [&](const char* listener, const ingest::http::Config& config) {
        return ingest::http::listener(listener, config, authenticator, shards, stream_exists);
    };
    if (wanted.http) specs.push_back(http("http", *wanted.http));
    if (wanted.https) specs.push_back(http("https", *wanted.https));
    PS_TRY(
        auto listeners,
        ingest::Listeners::open(std::move(specs), shards, clock, registry, wanted.memory)
    );
    for (std::size_t i = 0; i < listeners->size(); ++i) {
        const auto& listener = listeners->at(i);
        log::info(
            "listening",
            {{"listener", listener.name()},
             {"address", listener.address().text()},
             {"tls", listener.secure()}}
        );
    }
    return listeners;
}

}  // namespace penstock::app

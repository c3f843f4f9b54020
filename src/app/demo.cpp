#include "app/demo.h"

#include "base/text.h"

#include <fmt/format.h>

namespace penstock::app {
namespace {

std::string quoted(const std::filesystem::path& path) {
    std::string out;
    text::append_log_string(out, path.string(), 4096);
    return out;
}

template <class Endpoint>
std::string connect_host(const Endpoint& endpoint) {
    if (endpoint.host == "0.0.0.0") return "127.0.0.1";
    if (endpoint.host == "::") return "[::1]";
    return endpoint.host.find(':') == std::string::npos ? endpoint.host : "[" + endpoint.host + "]";
}

template <class Endpoint>
std::string url(const Endpoint& endpoint) {
    return fmt::format("http://{}:{}", connect_host(endpoint), endpoint.port);
}

/// How a shell calls this very program: it need not be in the PATH.
std::string program() {
    std::error_code none;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", none);
    return none ? "penstock" : path.string();
}

}  // namespace

std::string demo_yaml(const std::filesystem::path& data_dir) {
    return fmt::format(
        R"(data_dir: {0}
listeners:
  mqtt:  {{ listen: "127.0.0.1:1883" }}
  http:  {{ listen: "127.0.0.1:8080" }}
  admin: {{ listen: "127.0.0.1:9850" }}
streams:
  wearables:
    topics: ["iot/wearable/data", "iot/+/data"]
    device: {{ field: deviceId }}
    time:   {{ field: timestamp }}
    fields:
      heartRate: {{ type: number, min: 20, max: 250, required: true }}
      steps:     {{ type: integer, min: 0 }}
    status:
      - {{ when: "heartRate > 140", is: HIGH_HEART_RATE }}
    score: [heartRate]
sinks:
  lake: {{ type: archive, local: {{ directory: {1} }}, window: {{ age: 5s }} }}
)",
        quoted(data_dir),
        quoted(data_dir / "archive")
    );
}

std::string hints(const Settings& settings) {
    const auto& listeners = settings.listeners;
    std::string out = fmt::format("Ready. Data is kept in {}\n\n", settings.data_dir.string());
    if (listeners.mqtt) {
        out += fmt::format(
            R"(Publish over MQTT (acknowledged when it is on disk):
  mosquitto_pub -h {0} -p {1} -q 1 -t iot/wearable/data -m '{{"deviceId":"w-1","heartRate":150,"steps":10}}'
  mosquitto_pub -h {0} -p {1} -q 1 -V mqttv5 -t iot/wearable/data -m '{{"deviceId":"w-1","heartRate":80,"steps":20}}'
)",
            connect_host(listeners.mqtt->listen),
            listeners.mqtt->listen.port
        );
    }
    if (listeners.http) {
        out += fmt::format(
            R"(Publish over HTTP (one object, an array, or NDJSON; plain, gzip or zstd):
  curl -s {0}/v1/ingest/wearables -H 'Content-Type: application/json' -d '{{"deviceId":"w-2","heartRate":90}}'
  curl -s {0}/v1/ingest/wearables -H 'Content-Type: application/json' \
       -d '[{{"deviceId":"w-2","heartRate":91}},{{"deviceId":"w-3","heartRate":400}}]'
)",
            url(listeners.http->listen)
        );
    }
    const auto admin = url(listeners.admin.listen);
    out += fmt::format(
        R"(Look:
  {0}/                                  status page, in a browser
  curl -s {0}/v1/devices
  curl -s {0}/v1/devices/w-1/latest
  curl -s '{0}/v1/devices/w-1/history?limit=10'
  curl -sN {0}/v1/tail
  curl -s {0}/metrics
Play a fleet:
  {1} sim --devices 50 --rate 100
)",
        admin,
        program()
    );
    return out;
}

}  // namespace penstock::app

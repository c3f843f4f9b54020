#pragma once

#include "app/sim/device.h"
#include "penstock/result.h"

#include <cstdint>
#include <functional>
#include <string>

namespace penstock::app::sim {

/// What `penstock sim` is told.
struct Options {
    std::string mqtt = "127.0.0.1:1883";  // host:port; empty: nobody publishes over MQTT
    std::string http = "127.0.0.1:8080";  // host:port; empty: nobody publishes over HTTP
    double http_share = 0.2;              // part of the devices that use HTTP
    std::uint32_t devices = 20;           // 1 .. 10,000, one connection each
    double rate = 20;                     // events a second, all devices together
    int qos = 1;                          // MQTT: 0 or 1
    int version = 4;                      // MQTT: 4 (3.1.1) or 5
    double seconds = 0;                   // 0: until it is stopped
    std::uint64_t seed = 1;
    std::string topic = "iot/wearable/data";
    std::string stream = "wearables";
    std::string user;
    std::string password;
    Faults faults;
};

/// What the fleet has done so far.
struct Totals {
    std::uint64_t published = 0;     // sent, repeats included
    std::uint64_t acknowledged = 0;  // PUBACK or 2xx; QoS 0: sent
    std::uint64_t refused = 0;       // told to be refused (MQTT 5 reason code, 4xx)
    std::uint64_t reconnects = 0;
    double latency_p50_ms = 0;  // of the last report's interval
    double latency_p99_ms = 0;
};

/// Plays the fleet until `seconds` are over, SIGINT or SIGTERM. `report` is called once a second
/// and at the end. A connection that breaks is made anew, and what was not acknowledged is sent
/// again. Errors: invalid_argument (options out of their bounds), unavailable (no server at the
/// start). Threads: the caller's.
[[nodiscard]] Status play(const Options& options, const std::function<void(const Totals&)>& report);

}  // namespace penstock::app::sim

#include "api/sensors.h"

#include "api/sensor_table.h"
#include "base/log.h"
#include "base/metrics.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace penstock::api {
namespace {

constexpr Nanoseconds kWait = 250 * kMillisecond;
constexpr auto kRest = std::chrono::milliseconds(100);  // records gather: one wake-up for many
constexpr auto kRestAfterError = std::chrono::seconds(1);

}  // namespace

struct Sensors::State {
    State(History& source, const Clock& time)
        : history(source), clock(time), table(SensorConfig{}) {}

    void start();
    void stop();
    void follow(const std::stop_token& asked);
    void take(const Chunk& chunk);
    void rest(std::chrono::nanoseconds span, const std::stop_token& asked);
    void export_to(metrics::Registry& registry);

    History& history;
    const Clock& clock;
    std::mutex mutex;
    std::condition_variable_any never;
    SensorTable table;            // guarded by mutex
    SensorTable::LeftOut before;  // guarded by mutex; by the tables before this one
    std::jthread thread;
    std::vector<metrics::Registration> registrations;  // the first to go
};

void Sensors::State::rest(std::chrono::nanoseconds span, const std::stop_token& asked) {
    std::unique_lock lock(mutex);
    never.wait_for(lock, asked, span, [] { return false; });
}

void Sensors::State::take(const Chunk& chunk) {
    const std::lock_guard lock(mutex);
    const Nanoseconds now = clock.monotonic();
    table.forget(now);
    auto bytes = chunk.records();
    while (!bytes.empty()) {
        const auto size = table.take(bytes, now);
        if (!size.ok()) {
            log::error(
                "sensor metrics: a record cannot be read",
                {{"chunk", chunk.first().value}, {"reason", size.error().message}}
            );
            return;
        }
        bytes = bytes.subspan(*size);
    }
}

void Sensors::State::follow(const std::stop_token& asked) {
    const auto reader = history.tail();
    while (!asked.stop_requested()) {
        const auto read = reader->read(kWait, asked);
        if (!read.ok()) {
            log::warn(
                "sensor metrics: the journal cannot be read", {{"reason", read.error().message}}
            );
            return rest(kRestAfterError, asked);
        }
        if (read->chunk != nullptr) take(*read->chunk);
        if (reader->position() > reader->durable()) rest(kRest, asked);
    }
}

void Sensors::State::start() {
    thread = std::jthread([this](const std::stop_token& asked) {
        while (!asked.stop_requested())
            follow(asked);
    });
}

void Sensors::State::stop() {
    if (!thread.joinable()) return;
    thread.request_stop();
    thread.join();
}

void Sensors::State::export_to(metrics::Registry& registry) {
    constexpr const char* kLeftOut = "penstock_sensor_left_out_records_total";
    constexpr const char* kLeftOutHelp =
        "Records not looked at for penstock_sensor_value: no_place: devices_max others are shown; "
        "bad_id: the device id is no UTF-8 or longer than 256 bytes.";
    const auto left_out = [this](std::uint64_t SensorTable::LeftOut::* reason) {
        return [this, reason] {
            const std::lock_guard lock(mutex);
            return static_cast<double>(before.*reason + table.left_out().*reason);
        };
    };
    registrations.push_back(registry.counter_fn(
        kLeftOut, kLeftOutHelp, {{"reason", "no_place"}}, left_out(&SensorTable::LeftOut::no_place)
    ));
    registrations.push_back(registry.counter_fn(
        kLeftOut, kLeftOutHelp, {{"reason", "bad_id"}}, left_out(&SensorTable::LeftOut::bad_id)
    ));
    registrations.push_back(registry.gauge_fn(
        "penstock_sensor_devices",
        "Devices that penstock_sensor_value shows, each once for each of its streams.",
        {},
        [this] {
            const std::lock_guard lock(mutex);
            table.forget(clock.monotonic());
            return static_cast<double>(table.devices());
        }
    ));
    registrations.push_back(registry.gauges_fn(
        "penstock_sensor_value",
        "Latest value of a field that sensor_metrics chose; true is 1. Gone when it was not "
        "renewed for silent_after.",
        {"device", "field", "stream"},
        [this](const metrics::ShowSeries& series) {
            const std::lock_guard lock(mutex);
            table.show(clock.monotonic(), series);
        }
    ));
}

Sensors::Sensors(History& history, const Clock& clock, metrics::Registry& registry)
    : state_(std::make_unique<State>(history, clock)) {
    state_->export_to(registry);
}

Sensors::~Sensors() {
    state_->stop();
}

void Sensors::use(const SensorConfig& config) {
    if (config == state_->table.config()) return;  // which only this thread changes
    state_->stop();
    {
        const std::lock_guard lock(state_->mutex);
        const auto left_out = state_->table.left_out();
        state_->before.no_place += left_out.no_place;
        state_->before.bad_id += left_out.bad_id;
        state_->table = SensorTable(config);
    }
    if (config.on()) state_->start();
}

}  // namespace penstock::api

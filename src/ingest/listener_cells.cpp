#include "base/metrics.h"
#include "ingest/shard_listeners.h"

#include <chrono>
#include <unordered_map>
#include <utility>

namespace penstock::ingest {
namespace {

using Reasons =
    std::unordered_map<std::string_view, metrics::Counter*>;  // keys are constants of the code

constexpr std::string_view kRefusedHelp = "Connections or log-ins refused.";
constexpr std::string_view kErrorsHelp = "What clients sent against their protocol.";
constexpr std::string_view kDisconnectsHelp = "Connections that ended, by cause.";

}  // namespace

struct ListenerCells::State {
    State(metrics::Registry& metrics, std::string name)
        : registry(metrics), listener(std::move(name)) {}

    metrics::Counter& of(
        Reasons& reasons, std::string_view metric, std::string_view help, std::string_view reason
    ) {
        metrics::Counter*& cell = reasons[reason];
        if (cell == nullptr) {
            cell = &registry.counter(
                metric, help, {{"listener", listener}, {"reason", std::string(reason)}}
            );
        }
        return *cell;
    }

    metrics::Registry& registry;
    std::string listener;
    metrics::Labels labels{{"listener", listener}};
    metrics::Gauge& connections =
        registry.gauge("penstock_connections", "Open connections.", labels);
    metrics::Counter& connections_total =
        registry.counter("penstock_connections_total", "Connections accepted.", labels);
    metrics::Counter& received_bytes = registry.counter(
        "penstock_received_bytes_total", "Bytes read from devices, without TLS.", labels
    );
    metrics::Counter& acked_records = registry.counter(
        "penstock_acked_records_total", "Records acknowledged to their device.", labels
    );
    metrics::Histogram& ack_latency = registry.histogram(
        "penstock_ack_latency_seconds",
        "From the arrival of a message to the release of its acknowledgement.",
        labels
    );
    Reasons refused;
    Reasons protocol_errors;
    Reasons disconnects;
};

ListenerCells::ListenerCells(metrics::Registry& registry, std::string listener)
    : state_(std::make_unique<State>(registry, std::move(listener))) {
    registry.declare(
        metrics::Type::counter,
        "penstock_refused_connections_total",
        kRefusedHelp,
        {"listener", "reason"}
    );
    registry.declare(
        metrics::Type::counter,
        "penstock_protocol_errors_total",
        kErrorsHelp,
        {"listener", "reason"}
    );
    registry.declare(
        metrics::Type::counter,
        "penstock_disconnects_total",
        kDisconnectsHelp,
        {"listener", "reason"}
    );
}

ListenerCells::~ListenerCells() = default;

void ListenerCells::connected() noexcept {
    state_->connections.add(1);
    state_->connections_total.add();
}

void ListenerCells::disconnected(std::string_view reason) {
    state_->connections.add(-1);
    state_->of(state_->disconnects, "penstock_disconnects_total", kDisconnectsHelp, reason).add();
}

void ListenerCells::moved_out() noexcept {
    state_->connections.add(-1);
}
void ListenerCells::moved_in() noexcept {
    state_->connections.add(1);
}

void ListenerCells::refused(std::string_view reason) {
    state_->of(state_->refused, "penstock_refused_connections_total", kRefusedHelp, reason).add();
}

void ListenerCells::protocol_error(std::string_view reason) {
    state_->of(state_->protocol_errors, "penstock_protocol_errors_total", kErrorsHelp, reason)
        .add();
}

void ListenerCells::received(std::size_t bytes) noexcept {
    state_->received_bytes.add(bytes);
}
void ListenerCells::acknowledged(std::uint64_t records) noexcept {
    state_->acked_records.add(records);
}
void ListenerCells::ack_latency(Nanoseconds span) noexcept {
    state_->ack_latency.observe(std::chrono::nanoseconds(span));
}

}  // namespace penstock::ingest

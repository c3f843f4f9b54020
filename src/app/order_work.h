#pragma once

#include "journal/journal.h"
#include "journal/quarantine_store.h"
#include "journal/retention.h"
#include "penstock/result.h"
#include "sinks/config.h"
#include "sinks/declared_fields.h"
#include "sinks/health.h"
#include "sinks/order.h"
#include "sinks/redrive.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace penstock::metrics {
class Registry;
}

namespace penstock::app {

/// What orders are carried out with. All of it outlives the work.
struct OrderParts {
    journal::Journal& journal;
    journal::QuarantineStore& quarantine;
    journal::Retention& retention;
    std::filesystem::path data_dir;
    metrics::Registry& registry;
    sinks::FieldCatalog declared_fields;
    /// Of a running sink; nothing when there is none of that id.
    std::function<std::optional<sinks::SinkHealth>(const std::string& id)> health;
};

/// Carries out one order, from where it stands to its end, and keeps its file up to date.
///
/// - replay: a second sink of the same settings, with a reader and a cursor of its own, gets the
///   range; the live one goes on. The cursor stands beside the order, so that the replay goes on
///   behind it after a restart. It holds the journal as its sink does (`when_behind`).
/// - redrive: the same, with what the quarantine store has of the sink; each entry is settled once
///   it is confirmed.
/// - drop: settles entries without delivering them.
///
/// Threads: one thread for each.
class OrderWork {
public:
    OrderWork(
        OrderParts parts, sinks::OrderBook& book, config::Variant<sinks::SinkConfig> settings
    );

    /// Returns when the order has ended or was cancelled, which its file then says, or on stop,
    /// when it stays as far as it is.
    void carry_out(sinks::Order order, const std::stop_token& stop);

private:
    struct Delivery;

    [[nodiscard]] Status replay(sinks::Order& order, const std::stop_token& stop);
    [[nodiscard]] Status find_range(sinks::Order& order) const;
    [[nodiscard]] Status redrive(sinks::Order& order, const std::stop_token& stop);
    [[nodiscard]] Result<bool> redrive_once(
        sinks::Order& order, const sinks::RedriveScope& scope, const std::stop_token& stop
    );
    [[nodiscard]] Status drop(sinks::Order& order, const std::stop_token& stop);
    [[nodiscard]] Result<sinks::SinkHealth> sink_of(const sinks::Order& order) const;
    /// The sink's health once its saved cursor has reached what its ledger had settled before the
    /// call, or when five seconds have passed: an operator who sees an entry may order about it.
    [[nodiscard]] std::optional<sinks::SinkHealth> saved_health(
        const std::string& sink, const std::stop_token& stop
    ) const;
    [[nodiscard]] Result<Lsn> base_of(const std::string& sink) const;
    [[nodiscard]] Status may_be_two(const sinks::Order& order) const;
    [[nodiscard]] Status build(Delivery& delivery, const sinks::Order& order) const;
    /// Until the runner's cursor has reached `last`. False: it was stopped or cancelled.
    [[nodiscard]] bool run(
        std::unique_ptr<Delivery> delivery,
        sinks::Order& order,
        Lsn last,
        const std::function<bool(const sinks::SinkHealth&)>& heard,
        const std::stop_token& stop
    );
    [[nodiscard]] std::filesystem::path state_dir(const sinks::Order& order) const;
    void forget_state(const sinks::Order& order) const;
    void keep(const sinks::Order& order) const;
    void count(const sinks::Order& order);

    const OrderParts parts_;
    sinks::OrderBook& book_;
    const config::Variant<sinks::SinkConfig> settings_;
    std::uint64_t counted_ = 0;  // of Order::delivered
};

/// Makes the cells of a sink, so that they are seen before the first order.
void show_order_metrics(metrics::Registry& registry, const std::string& sink);

}  // namespace penstock::app

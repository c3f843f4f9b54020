#include "app/order_work.h"

#include "app/order_delivery.h"
#include "base/files.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/posix_disk.h"
#include "base/text.h"
#include "journal/cursor.h"
#include "sinks/balance.h"
#include "sinks/order_cursor.h"
#include "sinks/range_reader.h"
#include "sinks/redrive.h"
#include "sinks/registry.h"
#include "sinks/runner.h"
#include "sinks/start_point.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace penstock::app {
namespace {

using sinks::Order;
using sinks::OrderKind;
using sinks::OrderState;

constexpr Nanoseconds kLook = 100 * kMillisecond;
constexpr Nanoseconds kKeepEvery = kSecond;
constexpr Nanoseconds kSaveBound = 5 * kSecond;  // of waiting for a cursor to be saved

std::uint64_t fresh_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
}

constexpr std::string_view kDelivered =
    "Records delivered again by order of an operator, by the kind of the order.";
constexpr std::string_view kPending = "What running orders have still to deliver or pass over.";
constexpr std::string_view kDropped = "Refused records that an operator gave up.";

metrics::Labels labels_of(const Order& order) {
    return {{"kind", std::string(name(order.kind))}, {"sink", order.sink}};
}

metrics::Counter& redelivered_by(metrics::Registry& registry, const Order& order) {
    return registry.counter("penstock_redelivered_records_total", kDelivered, labels_of(order));
}

metrics::Counter& dropped_of(metrics::Registry& registry, const std::string& sink) {
    return registry.counter(
        "penstock_quarantine_dropped_records_total", kDropped, {{"sink", sink}}
    );
}

metrics::Gauge& pending_of(metrics::Registry& registry, const Order& order) {
    return registry.gauge("penstock_redelivery_pending_records", kPending, labels_of(order));
}

}  // namespace

void show_order_metrics(metrics::Registry& registry, const std::string& sink) {
    Order order;
    order.sink = sink;
    for (const auto kind : {OrderKind::replay, OrderKind::redrive}) {
        order.kind = kind;
        redelivered_by(registry, order);
        pending_of(registry, order);
    }
    dropped_of(registry, sink);
}

OrderWork::OrderWork(
    OrderParts parts, sinks::OrderBook& book, config::Variant<sinks::SinkConfig> settings
)
    : parts_(std::move(parts)), book_(book), settings_(std::move(settings)) {}

void OrderWork::carry_out(Order order, const std::stop_token& stop) {
    const bool again = order.state == OrderState::running;
    order.state = OrderState::running;
    order.message =
        again ? "went on after a stop: what was not confirmed by then was sent again" : "";
    counted_ = order.delivered;
    log::info(
        again ? "order goes on" : "order begins",
        {{"order", order.id}, {"kind", name(order.kind)}, {"sink", order.sink}}
    );
    keep(order);
    Status done;
    if (order.kind == OrderKind::replay) done = replay(order, stop);
    if (order.kind == OrderKind::redrive) done = redrive(order, stop);
    if (order.kind == OrderKind::drop) done = drop(order, stop);
    if (!done.ok()) {
        order.state = OrderState::failed;
        order.message = done.error().message;
    } else if (order.state == OrderState::running && !stop.stop_requested()) {
        order.state = OrderState::done;
    }
    count(order);
    keep(order);
    if (order.ended()) forget_state(order);
    log::info(
        "order rests",
        {{"order", order.id},
         {"kind", name(order.kind)},
         {"sink", order.sink},
         {"state", name(order.state)},
         {"delivered", order.delivered},
         {"refused", order.refused},
         {"message", order.message}}
    );
}

std::filesystem::path OrderWork::state_dir(const Order& order) const {
    return parts_.data_dir / "sinks" / order.sink / ("order-" + order.id);
}

void OrderWork::forget_state(const Order& order) const {
    std::error_code ignored;
    std::filesystem::remove_all(state_dir(order), ignored);
}

void OrderWork::keep(const Order& order) const {
    const auto kept = book_.write(order);
    if (!kept.ok())
        log::warn("order not saved", {{"order", order.id}, {"reason", kept.error().message}});
}

void OrderWork::count(const Order& order) {
    auto& registry = parts_.registry;
    const bool drops = order.kind == OrderKind::drop;
    auto& counter = drops ? dropped_of(registry, order.sink) : redelivered_by(registry, order);
    if (order.delivered > counted_) {
        counter.add(order.delivered - counted_);
        counted_ = order.delivered;
    }
    if (drops) return;
    const std::uint64_t settled = std::min(order.total, order.settled());
    const std::uint64_t left = order.state == OrderState::running ? order.total - settled : 0;
    pending_of(registry, order).set(static_cast<double>(left));
}

Result<sinks::SinkHealth> OrderWork::sink_of(const Order& order) const {
    const auto health = parts_.health(order.sink);
    if (!health || settings_.empty())
        return Error{Errc::not_found, "no sink '" + order.sink + "' runs"};
    return *health;
}

std::optional<sinks::SinkHealth> OrderWork::saved_health(
    const std::string& sink, const std::stop_token& stop
) const {
    auto health = parts_.health(sink);
    const Lsn settled = health ? health->balance.cursor() : Lsn{};
    const Nanoseconds end = system_clock().monotonic() + kSaveBound;
    while (health && health->cursor < settled && system_clock().monotonic() < end &&
           !stop.stop_requested()) {
        sinks::rest(kLook, stop);
        health = parts_.health(sink);
    }
    return health;
}

Status OrderWork::may_be_two(const Order& order) const {
    const auto alone = sinks::why_alone(settings_);
    if (alone.empty()) return {};
    return Error{
        Errc::unsupported,
        fmt::format(
            "sink '{}' ({}) cannot have a second delivery beside its own: {}",
            order.sink,
            settings_.type(),
            alone
        )
    };
}

/// What replay and redrive have in common.
Status OrderWork::build(Delivery& delivery, const Order& order) const {
    PS_CHECK(files::make_private_directory(state_dir(order)));
    const sinks::SinkContext context{
        .id = order.sink,
        .journal = parts_.journal.id(),
        .state_dir = state_dir(order),
        .clock = &system_clock(),
        .seed = fresh_seed(),
        .metrics = &delivery.registry,
        .declared_fields = parts_.declared_fields,
        .replay = true
    };
    sinks::RunnerParts& runner = delivery.parts;
    PS_TRY(runner.sink, sinks::make_sink(settings_, context));
    runner.id = order.sink + "/" + order.id;
    runner.type = settings_.type();
    runner.settings = *settings_;
    runner.metrics = &delivery.registry;
    runner.seed = fresh_seed();
    return {};
}

bool OrderWork::run(
    std::unique_ptr<Delivery> delivery,
    Order& order,
    Lsn last,
    const std::function<bool(const sinks::SinkHealth&)>& heard,
    const std::stop_token& stop
) {
    delivery->runner = std::make_unique<sinks::RunnerThread>(std::move(delivery->parts));
    delivery->runner->start();
    Nanoseconds kept_at = 0;
    bool whole = false;
    while (!whole && !stop.stop_requested() && order.state == OrderState::running) {
        sinks::rest(kLook, stop);
        const auto health = delivery->runner->health();
        if (!heard(health)) break;
        whole = health.cursor >= last;
        const bool trouble =
            health.state != sinks::SinkState::running && health.state != sinks::SinkState::starting;
        if (trouble) order.message = health.last_error;
        if (!trouble && order.message == health.last_error) order.message.clear();
        count(order);
        const Nanoseconds now = system_clock().monotonic();
        if (now - kept_at < kKeepEvery) continue;
        kept_at = now;
        if (!whole && book_.cancelled(order.id)) order.state = OrderState::cancelled;
        keep(order);
    }
    if (delivery->runner->stop(std::chrono::nanoseconds(kSinkStopBound + kSecond))) {
        heard(delivery->runner->health());
        return whole;
    }
    // Stuck inside a far side's library: the thread stays behind with all that it uses.
    // NOLINTNEXTLINE(bugprone-unused-return-value)
    static_cast<void>(delivery.release());
    return whole;
}

}  // namespace penstock::app

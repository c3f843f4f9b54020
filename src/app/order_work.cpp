#include "app/order_work.h"

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

/// What a replay's far side refuses: the record's own delivery has decided about it already.
class OnlyCounted final : public sinks::RefusedStore {
public:
    explicit OnlyCounted(std::string order) : order_(std::move(order)) {}
    [[nodiscard]] Status keep(std::span<const sinks::RefusedCopy> copies) override {
        for (const auto& copy : copies) {
            log::warn(
                "refused in a replay",
                {{"order", order_}, {"lsn", copy.lsn.value}, {"reason", copy.reason}}
            );
        }
        return {};
    }

private:
    const std::string order_;
};

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

/// A second runner beside a sink's own, with metrics that nobody scrapes: those of the sink are its
/// own alone.
struct OrderWork::Delivery {
    metrics::Registry registry;
    std::unique_ptr<sinks::Redrive> redrive;  // what the runner reads, of a redrive
    sinks::RunnerParts parts;
    std::unique_ptr<sinks::RunnerThread> runner;
};

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
        .declared_fields = parts_.declared_fields
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

// ---- replay

Status OrderWork::find_range(Order& order) const {
    const auto reader = parts_.journal.reader();
    const Lsn oldest = parts_.journal.oldest();
    PS_TRY(order.first, sinks::wanted_lsn(*reader, oldest, order.from));
    PS_TRY(const Lsn behind, sinks::wanted_lsn(*reader, oldest, order.to));
    const bool lsn = text::parse_uint(order.to).has_value();  // itself is meant as well
    order.last = std::min(lsn ? behind : Lsn{behind.value - 1}, reader->durable());
    order.total = order.last < order.first ? 0 : order.last.value - order.first.value + 1;
    return {};
}

Status OrderWork::replay(Order& order, const std::stop_token& stop) {
    PS_TRY(const auto health, sink_of(order));
    PS_CHECK(may_be_two(order));
    PS_TRY(auto where, sinks::Where::parse(order.where));
    if (order.first.value == 0) {
        PS_CHECK(find_range(order));
        keep(order);
    }
    if (order.total == 0) {
        order.message = "no record arrived in that range";
        return {};
    }
    auto delivery = std::make_unique<Delivery>();
    PS_CHECK(build(*delivery, order));
    const auto reached = std::make_shared<std::atomic<std::uint64_t>>(order.first.value - 1);
    sinks::RunnerParts& runner = delivery->parts;
    runner.only = {order.device, std::move(where)};
    runner.reader = std::make_unique<sinks::RangeReader>(parts_.journal.reader(), order.last);
    runner.open_reader = [this] { return parts_.journal.reader(); };
    runner.cursor = std::make_unique<sinks::OrderCursor>(sinks::OrderCursor::Parts{
        book_.cursor_path(order.id),
        parts_.journal.id(),
        order.sink,
        Lsn{order.first.value - 1},
        posix_disk(),
        system_clock(),
        reached
    });
    runner.refused = std::make_unique<OnlyCounted>(order.id);
    const std::string holder = "order " + order.id;
    parts_.retention.hold(
        holder, [reached] { return Lsn{reached->load()}; }, settings_->when_behind
    );
    const auto heard = [&order](const sinks::SinkHealth& told) {
        const sinks::Tally& tally = told.balance.tally;
        order.delivered = tally.confirmed;
        order.filtered = tally.filtered;
        order.refused = tally.refused;
        order.gone = tally.expired + tally.corrupt + tally.skipped;
        return true;
    };
    static_cast<void>(run(std::move(delivery), order, order.last, heard, stop));
    parts_.retention.release(holder);
    if (order.refused > 0 && order.state == OrderState::running)
        order.message = "the far side refused some; they are not kept aside by a replay";
    return {};
}

// ---- quarantine

Status OrderWork::redrive(Order& order, const std::stop_token& stop) {
    PS_CHECK(may_be_two(order));
    while (true) {
        PS_TRY(const auto health, sink_of(order));
        PS_TRY(
            const auto scope,
            sinks::redrive_scope(parts_.quarantine, order.sink, health.balance.base, health.cursor)
        );
        order.gone = scope.empty;
        order.total = order.delivered + scope.entries;
        if (scope.entries - scope.empty <= order.refused) break;
        const std::uint64_t before = order.delivered;
        PS_TRY(const bool whole, redrive_once(order, scope, stop));
        if (!whole || order.delivered == before) break;
    }
    if (order.refused > 0 && order.state == OrderState::running)
        order.message = "some were refused again and stay in quarantine";
    return parts_.quarantine.sweep();
}

/// One pass. False: it was interrupted.
Result<bool> OrderWork::redrive_once(
    Order& order, const sinks::RedriveScope& scope, const std::stop_token& stop
) {
    auto delivery = std::make_unique<Delivery>();
    PS_CHECK(build(*delivery, order));
    sinks::RunnerParts& runner = delivery->parts;
    // They were for this sink when they were refused; the settings may have changed since.
    runner.settings.streams.clear();
    runner.settings.records = sinks::Records::all;
    runner.settings.where = {};
    delivery->redrive = std::make_unique<sinks::Redrive>(parts_.quarantine, scope);
    sinks::Redrive& pass = *delivery->redrive;
    runner.reader = pass.reader();
    runner.open_reader = sinks::Redrive::no_reader;
    runner.cursor = pass.cursor();
    runner.refused = pass.refused();
    bool hopeless = false;
    const auto heard = [&, before = order.delivered](const sinks::SinkHealth&) {
        order.delivered = before + pass.redriven();
        order.refused = pass.refused_again();
        hopeless = pass.hopeless();
        return !hopeless;
    };
    const bool whole = run(std::move(delivery), order, scope.last, heard, stop);
    if (!hopeless) return whole;
    return Error{
        Errc::unsupported,
        fmt::format("the far side refuses them still ({} of them): mend the cause", order.refused)
    };
}

/// Where the books of a sink begin, be it running or not.
Result<Lsn> OrderWork::base_of(const std::string& sink) const {
    if (const auto health = parts_.health(sink)) return health->balance.base;
    PS_TRY(const auto cursors, parts_.journal.cursors().list());
    for (const auto& cursor : cursors) {
        if (cursor.sink == sink) return sinks::balance_at(cursor.lsn, cursor.state).base;
    }
    return Lsn{};
}

Status OrderWork::drop(Order& order, const std::stop_token& stop) {
    std::vector<journal::QuarantineSpot> chosen;
    for (const auto& text : order.entries) {
        PS_TRY(const auto spot, journal::QuarantineSpot::parse(text));
        chosen.push_back(spot);
    }
    const auto health = parts_.health(order.sink);  // a sink that is gone may have left entries
    PS_TRY(const Lsn base, base_of(order.sink));
    const Lsn up_to = health ? health->cursor : Lsn{~std::uint64_t{0}};
    std::optional<journal::QuarantineSpot> after = journal::QuarantineSpot{};
    journal::QuarantineSpot previous;
    while (after && !stop.stop_requested()) {
        journal::QuarantineQuery query;
        query.sink = order.sink;
        query.after = *after;
        query.limit = 1000;
        PS_TRY(const auto page, parts_.quarantine.list(query));
        std::vector<journal::QuarantineSettling::Entry> entries;
        for (const auto& listed : page.entries) {
            const auto before = std::exchange(previous, listed.spot);
            const bool wanted = chosen.empty() || std::ranges::count(chosen, listed.spot) > 0;
            if (wanted && listed.entry.lsn <= up_to)
                entries.push_back({listed.entry.lsn, listed.spot, before});
        }
        PS_CHECK(
            parts_.quarantine.settle({order.sink, journal::QuarantineFate::dropped, base, entries})
        );
        order.delivered += entries.size();
        after = page.next;
    }
    order.total = order.delivered;
    PS_CHECK(parts_.quarantine.sweep());
    if (order.delivered < chosen.size())
        return Error{
            Errc::not_found,
            fmt::format(
                "{} of these are no entries of sink '{}'",
                chosen.size() - order.delivered,
                order.sink
            )
        };
    return {};
}

}  // namespace penstock::app

#include "app/order_delivery.h"
#include "app/order_work.h"
#include "journal/cursor.h"
#include "sinks/balance.h"
#include "sinks/redrive.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace penstock::app {

using sinks::Order;
using sinks::OrderState;

Status OrderWork::redrive(Order& order, const std::stop_token& stop) {
    PS_CHECK(may_be_two(order));
    static_cast<void>(saved_health(order.sink, stop));
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
    const auto health =
        saved_health(order.sink, stop);  // a sink that is gone may have left entries
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

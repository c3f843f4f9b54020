#include "app/order_delivery.h"
#include "app/order_work.h"
#include "base/log.h"
#include "base/posix_disk.h"
#include "base/text.h"
#include "sinks/order_cursor.h"
#include "sinks/range_reader.h"
#include "sinks/start_point.h"
#include "sinks/where.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace penstock::app {

using sinks::Order;
using sinks::OrderState;

namespace {

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

}  // namespace penstock::app

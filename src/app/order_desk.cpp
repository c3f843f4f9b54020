#include "app/order_desk.h"

#include "base/log.h"
#include "base/posix_disk.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace penstock::app {
namespace {

using sinks::Order;
using sinks::OrderState;

constexpr auto kTick = std::chrono::seconds(1);

/// The settings of a sink as text; empty when there is none.
std::string text_of(const sinks::SinksConfig& sinks, const std::string& id) {
    const auto* settings = sinks.find(id);
    return settings == nullptr ? std::string() : (*settings)->origin.text();
}

}  // namespace

OrderDesk::OrderDesk(OrderParts parts)
    : parts_(std::move(parts)), book_(parts_.data_dir / "orders", posix_disk()) {}

OrderDesk::~OrderDesk() {
    stop();
}

void OrderDesk::stop() {
    for (auto& job : jobs_)
        job.thread.request_stop();
    jobs_.clear();
}

void OrderDesk::tend(const sinks::SinksConfig& sinks) {
    const Nanoseconds now = system_clock().monotonic();
    if (now < next_look_) return;
    next_look_ = now + kLook;
    if (!open_) open_ = book_.open().ok();
    for (const auto& [id, settings] : sinks) {
        if (shown_.insert(id).second) show_order_metrics(parts_.registry, id);
    }
    clear_up(sinks);
    if (!anything_new()) return;
    std::vector<std::string> problems;
    auto orders = book_.list(&problems);
    if (!orders) return log::warn("orders cannot be read", {{"reason", orders.error().message}});
    for (const auto& problem : problems)
        log::warn("order cannot be read", {{"order", problem}});
    for (Order& order : *orders) {
        if (order.ended() || busy(order.sink) || jobs_.size() >= kAtOnce) continue;
        if (book_.cancelled(order.id)) {
            order.state = OrderState::cancelled;
            if (const auto kept = book_.write(order); !kept.ok())
                log::warn("order not saved", {{"reason", kept.error().message}});
            continue;
        }
        begin(order, sinks);
    }
    under_way_ = std::ranges::any_of(*orders, [](const Order& order) { return !order.ended(); });
    forget_old(static_cast<std::size_t>(std::ranges::count_if(*orders, &Order::ended)), *orders);
}

/// The folder has changed since it was read, or orders were open then.
bool OrderDesk::anything_new() {
    std::error_code failed;
    const auto changed = std::filesystem::last_write_time(book_.directory(), failed);
    if (!failed && changed == seen_ && !under_way_) return false;
    // A change within the same tick of the clock would not be told from this one.
    const bool settled = !failed && decltype(changed)::clock::now() - changed > kTick;
    seen_ = settled ? changed : std::filesystem::file_time_type::min();
    return true;
}

bool OrderDesk::busy(const std::string& sink) const {
    return std::ranges::find(jobs_, sink, &Job::sink) != jobs_.end();
}

void OrderDesk::clear_up(const sinks::SinksConfig& sinks) {
    for (auto& job : jobs_) {
        if (job.settings != text_of(sinks, job.sink)) job.thread.request_stop();
    }
    jobs_.remove_if([](const Job& job) { return job.ended.load(); });
}

void OrderDesk::begin(const Order& order, const sinks::SinksConfig& sinks) {
    const auto* found = sinks.find(order.sink);
    Job& job = jobs_.emplace_back();
    job.order = order.id;
    job.sink = order.sink;
    job.settings = text_of(sinks, order.sink);
    auto settings = found == nullptr ? config::Variant<sinks::SinkConfig>() : *found;
    job.thread = std::jthread([this, &job, order, settings](const std::stop_token& stop) {
        OrderWork(parts_, book_, settings).carry_out(order, stop);
        job.ended = true;
    });
}

void OrderDesk::forget_old(std::size_t ended, const std::vector<Order>& orders) {
    for (const Order& order : orders) {
        if (ended <= kKept) return;
        if (!order.ended()) continue;
        if (const auto removed = book_.remove(order.id); !removed.ok())
            return log::warn("order not removed", {{"reason", removed.error().message}});
        --ended;
    }
}

}  // namespace penstock::app

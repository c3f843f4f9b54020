#pragma once

#include "app/order_work.h"
#include "penstock/clock.h"
#include "sinks/config.h"
#include "sinks/order.h"

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <list>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace penstock::app {

/// Finds the orders of operators in `data_dir/orders` and has them carried out: one at a time for
/// each sink, in the order in which they were given, at most kAtOnce in all, each on a thread of
/// its own. One that was under way when the daemon ended goes on.
/// Bounds: kAtOnce threads; the newest kKept orders that have ended stay to be looked at.
/// Threads: main.
class OrderDesk {
public:
    static constexpr std::size_t kAtOnce = 4;
    static constexpr std::size_t kKept = 100;
    static constexpr Nanoseconds kLook = kSecond / 2;

    explicit OrderDesk(OrderParts parts);
    ~OrderDesk();
    OrderDesk(const OrderDesk&) = delete;
    OrderDesk& operator=(const OrderDesk&) = delete;

    /// Call it often: looks for orders, begins and clears up. Work for a sink whose settings are
    /// no longer those of `sinks` is interrupted and goes on with the new ones.
    void tend(const sinks::SinksConfig& sinks);
    /// Interrupts all work, which goes on at the next start.
    void stop();

private:
    struct Job {
        std::string order;
        std::string sink;
        std::string settings;  // as text
        std::atomic<bool> ended{false};
        std::jthread thread;
    };

    [[nodiscard]] bool anything_new();
    void clear_up(const sinks::SinksConfig& sinks);
    void begin(const sinks::Order& order, const sinks::SinksConfig& sinks);
    void forget_old(std::size_t ended, const std::vector<sinks::Order>& orders);
    [[nodiscard]] bool busy(const std::string& sink) const;

    const OrderParts parts_;
    sinks::OrderBook book_;
    bool open_ = false;
    std::set<std::string> shown_;  // sinks whose metrics are there
    Nanoseconds next_look_ = 0;
    /// When the folder had last changed, as it was read; min: too short ago to be sure.
    std::filesystem::file_time_type seen_ = std::filesystem::file_time_type::min();
    bool under_way_ = false;  // orders had not ended then
    std::list<Job> jobs_;
};

}  // namespace penstock::app

#pragma once

#include "penstock/clock.h"
#include "penstock/disk.h"
#include "sinks/order.h"

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

/// The commands that order something of a running daemon, or look at what was ordered and at the
/// quarantine store. Each returns an exit code (cli.h).
namespace penstock::app {

/// Where and how a command works.
struct OrderScene {
    std::filesystem::path data_dir;
    Disk& disk;
    const Clock& clock;
    std::ostream& out;
    std::ostream& say;
};

/// Gives the order to the daemon that runs on data_dir, and unless `detach`, follows it to its end.
/// kExitFailed: no daemon runs there, the order failed, or the daemon ended meanwhile.
[[nodiscard]] int give_order(const OrderScene& scene, sinks::Order order, bool detach);
/// A line an order, oldest first.
[[nodiscard]] int list_orders(const OrderScene& scene);
[[nodiscard]] int cancel_order(const OrderScene& scene, const std::string& id);

struct QuarantineLook {
    std::string sink;         // empty: all
    std::string after;        // id of an entry: begin behind it
    std::uint32_t limit = 0;  // 0: all
};
/// A line an entry that is not settled: its id, sink, LSN, when, device and reason.
[[nodiscard]] int list_quarantine(const OrderScene& scene, const QuarantineLook& look);
/// The record of one entry, as JSON, behind what the far side said.
[[nodiscard]] int show_quarantined(const OrderScene& scene, const std::string& id);

}  // namespace penstock::app

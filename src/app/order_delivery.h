#pragma once

#include "app/order_work.h"
#include "base/metrics.h"
#include "sinks/redrive.h"
#include "sinks/runner.h"

#include <memory>

namespace penstock::app {

/// A second runner beside a sink's own, with metrics that nobody scrapes: those of the sink are its
/// own alone.
struct OrderWork::Delivery {
    metrics::Registry registry;
    std::unique_ptr<sinks::Redrive> redrive;  // what the runner reads, of a redrive
    sinks::RunnerParts parts;
    std::unique_ptr<sinks::RunnerThread> runner;
};

}  // namespace penstock::app

#pragma once

#include "api/config.h"
#include "app/sink_set.h"
#include "journal/journal.h"
#include "penstock/history.h"
#include "penstock/result.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace penstock::app {

/// The admin listener, wired to what the daemon knows: sinks and journal as JSON, readiness,
/// metrics. Threads: owner.
class Admin {
public:
    struct Parts {
        const api::Config& config;
        History& history;
        const journal::Journal& journal;
        const SinkSet& sinks;
        metrics::Registry& registry;
        /// Why the node is not ready; empty: it is.
        std::function<std::vector<std::string>()> not_ready;
        const std::atomic<std::uint64_t>& generation;
    };
    explicit Admin(Parts parts);
    ~Admin();
    Admin(const Admin&) = delete;
    Admin& operator=(const Admin&) = delete;

    /// Listens. Errors: the address is taken or not allowed.
    [[nodiscard]] Status start();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace penstock::app

#pragma once

#include "penstock/intake.h"

#include <atomic>
#include <cstddef>
#include <memory>

namespace penstock::app {

/// Whether every shard gets on with its work: each is given a handler that does nothing, and must
/// have run it. A shard that hangs in another handler does not. Bound: one handler a shard is under
/// way.
/// Threads: owner; the shards' threads run the handlers.
class Pulse {
public:
    explicit Pulse(Shards& shards) : shards_(shards) {}

    /// True when every shard has answered since beat() was last true, or called first; they are
    /// then asked anew. Never waits.
    [[nodiscard]] bool beat();

private:
    Shards& shards_;
    std::shared_ptr<std::atomic<std::size_t>> silent_;  // shards that have not answered yet
};

}  // namespace penstock::app

#include "app/pulse.h"

namespace penstock::app {

bool Pulse::beat() {
    const bool asked = silent_ != nullptr;
    if (asked && silent_->load(std::memory_order_acquire) != 0) return false;
    silent_ = std::make_shared<std::atomic<std::size_t>>(shards_.count());
    for (std::uint32_t i = 0; i < shards_.count(); ++i) {
        shards_.post(ShardId{i}, [silent = silent_] {
            silent->fetch_sub(1, std::memory_order_release);
        });
    }
    return asked;
}

}  // namespace penstock::app

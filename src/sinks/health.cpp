#include "sinks/health.h"

namespace penstock::sinks {

std::string_view name(SinkState state) noexcept {
    switch (state) {
        case SinkState::starting:
            return "starting";
        case SinkState::running:
            return "running";
        case SinkState::backing_off:
            return "backing off";
        case SinkState::alarm:
            return "alarm";
        case SinkState::holding:
            return "holding";
        case SinkState::stopped:
            return "stopped";
    }
    return "unknown";
}

}  // namespace penstock::sinks

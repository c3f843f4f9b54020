#pragma once

#include "api/config.h"
#include "penstock/clock.h"

#include <iosfwd>
#include <string>
#include <string_view>

namespace penstock::app {

/// What `penstock health` asks. It reads no settings: a file that was edited since the start must
/// not make a node look ill that runs well.
struct HealthOptions {
    std::string admin = "127.0.0.1:9850";  // listeners.admin.listen; a wildcard means this machine
    bool live = false;                     // ask whether it answers, not whether it takes records
    std::uint32_t timeout_seconds = 5;     // for connection and answer together
};

/// Where a path of that admin listener is found from this machine.
[[nodiscard]] std::string admin_url(const api::Address& admin, std::string_view path);
/// The URL that is asked: /ready, or /live.
[[nodiscard]] std::string health_url(const api::Address& admin, bool live);

/// Asks the node on this machine how it is: for health checks of containers, which need no shell
/// and no other program then. kExitOk: it says that it is well. kExitFailed: it says no, does not
/// answer, or not in time; why goes to `say`. kExitUsage: `admin` is no address.
/// Threads: any thread.
[[nodiscard]] int ask_health(const HealthOptions& options, std::ostream& say);

}  // namespace penstock::app

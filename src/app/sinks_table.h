#pragma once

#include "api/config.h"
#include "app/settings.h"
#include "penstock/result.h"

#include <filesystem>
#include <iosfwd>
#include <string>
#include <string_view>

namespace penstock::app {

/// What `penstock sinks` asks the node on this machine.
struct SinksOptions {
    std::string admin = "127.0.0.1:9850";  // listeners.admin.listen
    std::filesystem::path token_file;      // empty: no token
    ConfigFiles config;                    // not empty: admin and token as these settings say
    bool json = false;                     // the answer as it came
    std::uint32_t timeout_seconds = 5;     // for connection and answer together
};

/// Prints what the sinks of a running daemon do, from /v1/sinks. kExitFailed: no daemon answers, or
/// it wants another token; why goes to `say`.
/// Threads: any thread.
[[nodiscard]] int show_sinks(const SinksOptions& options, std::ostream& out, std::ostream& say);

/// The table for people, out of the JSON of /v1/sinks. Nothing in it moves a terminal's cursor.
/// Errors: malformed.
[[nodiscard]] Result<std::string> sinks_table(std::string_view json);

}  // namespace penstock::app

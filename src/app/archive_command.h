#pragma once

#include "app/settings.h"

#include <string>

/// The commands that look after what archive sinks have written. Each returns an exit code (cli.h).
namespace penstock::app {

struct ArchiveOptions {
    ConfigFiles config;
    std::string sink;   // verify: empty: every archive of the settings
    std::string since;  // a time; empty: from the beginning
    bool deep = false;
};

/// `penstock archive verify`: prints a sentence per finding. kExitOk: nothing of what the archives
/// took in is missing; kExitFailed: there are findings, or a store could not be asked;
/// kExitConfig, kExitUsage: no such settings, no such sink.
[[nodiscard]] int verify_archives(const ArchiveOptions& options);

}  // namespace penstock::app

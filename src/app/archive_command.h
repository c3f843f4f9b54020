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

struct RestoreOptions {
    ConfigFiles config;
    std::string archive;  // the sink that has the objects
    std::string to;       // the sink that gets the records
    std::string from;     // event times; empty: all
    std::string until;
    std::string stream;
    std::string device;
    std::string where;
};

/// `penstock archive restore`: delivers archived records to another sink, with the journal id and
/// LSN that they had, by ascending LSN. Needs no daemon, and none stops it but for a sink that
/// cannot have two deliveries. kExitFailed: the archive is not whole, the sink cannot be reached
/// with these settings, or its far side refused records.
[[nodiscard]] int restore_archive(const RestoreOptions& options);

}  // namespace penstock::app

#pragma once

#include "app/archive_command.h"
#include "app/cli_options.h"

namespace penstock::app {

/// Adds `archive` and its subcommands. The options must outlive the action.
void add_archive(CLI::App& app, Action& action, ArchiveOptions& options, RestoreOptions& restore);

}  // namespace penstock::app

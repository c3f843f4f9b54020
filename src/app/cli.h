#pragma once

namespace penstock::app {

/// Exit codes of `penstock`, after sysexits.h.
enum ExitCode : int {
    kExitOk = 0,
    kExitFailed = 1,
    kExitUsage = 64,   // the command line makes no sense
    kExitIo = 74,      // the journal cannot be written: restart after the disk has been looked at
    kExitConfig = 78,  // the configuration is wrong
};

/// Runs the subcommand that the command line names; returns the exit code.
int run_command_line(int argc, char** argv);

}  // namespace penstock::app

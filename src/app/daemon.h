#pragma once

#include "app/settings.h"
#include "penstock/result.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace penstock::app {

/// The running node: builds every part in order, runs until a signal, and takes everything down in
/// order. Threads: main.
class Daemon {
public:
    struct Options {
        Settings settings;
        /// Reads the settings anew at SIGHUP; null: nothing to reload. Problems are logged by the
        /// reader.
        std::function<std::optional<Settings>()> reload;
        /// Called once everything takes part: recovery, sinks, listeners.
        std::function<void(const Settings& effective)> ready;
    };
    explicit Daemon(Options options);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Returns an exit code (cli.h). Errors of the start are logged.
    int run();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace penstock::app

#pragma once

#include "app/settings.h"

#include <CLI/CLI.hpp>

#include <functional>

/// What the commands of the command line share. Threads: main.
namespace penstock::app {

/// What a command does once the line is read; returns an exit code.
using Action = std::function<int()>;

inline constexpr const char* kConfigHelp =
    "Settings (YAML); given again: laid over those before, key by key";

inline CLI::Option* add_config(CLI::App& app, ConfigFiles& files, const char* help) {
    return app.add_option("-c,--config", files, help)->allow_extra_args(false);
}

}  // namespace penstock::app

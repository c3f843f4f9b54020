#pragma once

#include "app/settings.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace penstock::app {

/// What `penstock run` does without a file: wearables on loopback, archived into a folder under the
/// data directory.
[[nodiscard]] std::string demo_yaml(const std::filesystem::path& data_dir);

/// Where to look and what to paste, for a person; the first line begins with `Ready`.
[[nodiscard]] std::string hints(const Settings& settings);

}  // namespace penstock::app

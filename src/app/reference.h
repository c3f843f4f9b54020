#pragma once

#include <string>

/// What the settings tables say, as files of the project: `penstock --reference` prints the first,
/// and a test compares both with the tree.
namespace penstock::app {

/// docs/CONFIG.md.
[[nodiscard]] std::string settings_reference();

/// config/penstock.yaml: every key with its help and its default.
[[nodiscard]] std::string settings_file();

}  // namespace penstock::app

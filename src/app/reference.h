#pragma once

#include <string>

/// What the settings tables say, as files of the project: `penstock --reference` prints the first,
/// and a test compares both with the tree.
namespace penstock::app {

/// docs/CONFIG.md.
[[nodiscard]] std::string settings_reference();

/// What `penstock config init` writes: the settings that most installations change, each with a
/// comment. It is valid as it stands and listens on this machine alone.
[[nodiscard]] std::string starting_file();

/// config/penstock.yaml: every key with its help and its default.
[[nodiscard]] std::string settings_file();

}  // namespace penstock::app

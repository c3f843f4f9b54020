#pragma once

#include <filesystem>

namespace penstock::test {

/// The root of the source tree: the folder with CMakePresets.json at or above the current one.
/// ctest starts tests there; by hand a test program runs from anywhere below it. (Not by __FILE__:
/// a shared compiler cache makes that relative.) Throws when there is none.
[[nodiscard]] std::filesystem::path source_tree();

}  // namespace penstock::test

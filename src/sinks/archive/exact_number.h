#pragma once

#include <optional>
#include <string_view>

namespace penstock::sinks {

/// The double that a JSON number's text stands for, if all its digits can be had back from it: what
/// is printed with as many digits has the same ones. Nothing for more digits than that, and beyond
/// the range of a double. Threads: any thread.
[[nodiscard]] std::optional<double> exact_number(std::string_view text) noexcept;

}  // namespace penstock::sinks

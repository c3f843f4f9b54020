#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace penstock::app {

/// A version of the program, as 1.2.3.
/// Threads: immutable.
struct Release {
    std::uint64_t major = 0;
    std::uint64_t minor = 0;
    std::uint64_t patch = 0;
    auto operator<=>(const Release&) const = default;
};

/// Nothing when the text is not three numbers with dots between them.
[[nodiscard]] std::optional<Release> parse_release(std::string_view text) noexcept;

/// The version of this program.
[[nodiscard]] Release this_release() noexcept;

}  // namespace penstock::app

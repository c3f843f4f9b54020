#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::api {

/// A request target taken apart: `/v1/devices/a%2Fb/history?from=..` has the segments `v1`,
/// `devices`, `a/b`, `history`. Each segment, name and value is percent-decoded by itself; a `+`
/// stays a plus (times have them). Bounds: 16 segments, 32 parameters. Threads: immutable.
struct Target {
    std::vector<std::string> segments;
    std::vector<std::pair<std::string, std::string>> parameters;

    /// Nothing when a `%` is not followed by two digits, or there is too much of something.
    [[nodiscard]] static std::optional<Target> parse(std::string_view text);

    /// The value of a parameter; null when it is not there.
    [[nodiscard]] const std::string* find(std::string_view name) const noexcept;
    /// A parameter that stands twice, or is none of `known`; empty when all is well.
    [[nodiscard]] std::string_view strange_parameter(const std::vector<std::string_view>& known
    ) const noexcept;
};

}  // namespace penstock::api

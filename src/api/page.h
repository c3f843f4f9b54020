#pragma once

#include <optional>
#include <string_view>

namespace penstock::api {

/// A file of the status page; the text lives as long as the program.
struct Asset {
    std::string_view type;
    std::string_view text;
};

/// `/`, `/console.js`, `/console.css`; nothing for other paths. The page needs nothing from
/// elsewhere, and puts what comes from devices into the document as text only.
[[nodiscard]] std::optional<Asset> asset(std::string_view path) noexcept;

}  // namespace penstock::api

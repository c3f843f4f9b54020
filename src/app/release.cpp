#include "app/release.h"

#include "app/version.h"
#include "base/text.h"

#include <cstddef>

namespace penstock::app {

std::optional<Release> parse_release(std::string_view text) noexcept {
    Release release;
    for (std::uint64_t* const part : {&release.major, &release.minor, &release.patch}) {
        const std::size_t dot = part == &release.patch ? text.size() : text.find('.');
        const auto number = text::parse_uint(text.substr(0, dot));
        if (!number || dot == std::string_view::npos) return std::nullopt;
        *part = *number;
        text.remove_prefix(dot < text.size() ? dot + 1 : dot);
    }
    return release;
}

Release this_release() noexcept {
    return parse_release(kVersion).value_or(Release{});
}

}  // namespace penstock::app

#include "api/target.h"

#include "base/text.h"

#include <algorithm>

namespace penstock::api {
namespace {

constexpr std::size_t kSegmentsMax = 16;
constexpr std::size_t kParametersMax = 32;

/// Takes the front of `text` up to `mark`, and the mark with it.
std::string_view take_until(std::string_view& text, char mark) noexcept {
    const std::size_t end = std::min(text.find(mark), text.size());
    const std::string_view front = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return front;
}

}  // namespace

std::optional<Target> Target::parse(std::string_view text) {
    if (!text.starts_with('/')) return std::nullopt;
    Target made;
    std::string_view query = text.substr(0, text.find('#'));
    std::string_view path = take_until(query, '?');
    path.remove_prefix(1);
    while (!path.empty()) {
        auto segment = text::percent_decoded(take_until(path, '/'));
        if (!segment || made.segments.size() == kSegmentsMax) return std::nullopt;
        made.segments.push_back(std::move(*segment));
    }
    while (!query.empty()) {
        std::string_view value = take_until(query, '&');
        auto name = text::percent_decoded(take_until(value, '='));
        auto decoded = text::percent_decoded(value);
        if (!name || !decoded || made.parameters.size() == kParametersMax) return std::nullopt;
        made.parameters.emplace_back(std::move(*name), std::move(*decoded));
    }
    return made;
}

const std::string* Target::find(std::string_view name) const noexcept {
    for (const auto& [known, value] : parameters) {
        if (known == name) return &value;
    }
    return nullptr;
}

std::string_view Target::strange_parameter(const std::vector<std::string_view>& known
) const noexcept {
    for (const auto& parameter : parameters) {
        const auto same = [&](const auto& other) { return other.first == parameter.first; };
        if (std::ranges::find(known, parameter.first) == known.end() ||
            std::ranges::count_if(parameters, same) > 1)
            return parameter.first;
    }
    return {};
}

}  // namespace penstock::api

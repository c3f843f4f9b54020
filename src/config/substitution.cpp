#include "config/substitution.h"

#include "base/json_text.h"
#include "config/problem.h"

#include <algorithm>
#include <cstddef>

namespace penstock::config {
namespace {

constexpr std::size_t kSubstitutedBytesMax = 64 * 1024;

bool is_variable(std::string_view name) noexcept {
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '_';
    });
}

Result<std::string> look_up(const Environment& environment, std::string_view reference) {
    const std::size_t split = reference.find(":-");
    const std::string_view name = reference.substr(0, split);
    if (!is_variable(name)) {
        return Error{
            Errc::malformed, quoted(std::string(name)) + " is no name of an environment variable"
        };
    }
    const auto value = environment(name);
    const bool has_default = split != std::string_view::npos;
    if (has_default && (!value || value->empty())) return std::string(reference.substr(split + 2));
    if (value) return *value;
    return Error{Errc::not_found, "the environment has no variable " + std::string(name)};
}

}  // namespace

Result<std::string> substituted(const Environment& environment, std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t at = text.find("${");
        if (at == std::string_view::npos) break;
        const bool literal = at > 0 && text[at - 1] == '$';
        out += text.substr(0, at);
        text.remove_prefix(at);
        if (literal) {
            out.back() = '$';
            out += '{';
            text.remove_prefix(2);
            continue;
        }
        const std::size_t close = text.find('}');
        if (close == std::string_view::npos) {
            return Error{
                Errc::malformed, "'${' is not closed (write '$${' for the characters themselves)"
            };
        }
        PS_TRY(auto value, look_up(environment, text.substr(2, close - 2)));
        out += value;
        text.remove_prefix(close + 1);
        if (out.size() > kSubstitutedBytesMax)
            return Error{Errc::too_large, "the value is too long"};
    }
    out += text;
    return out;
}

}  // namespace penstock::config

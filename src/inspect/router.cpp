#include "inspect/router.h"

#include "base/json_text.h"

#include <algorithm>

namespace penstock::inspect {
namespace {

/// The first level of a topic; `rest` becomes what is behind its slash. False: it was the last one.
bool cut_level(std::string_view& rest, std::string_view& level) noexcept {
    const std::size_t slash = rest.find('/');
    level = rest.substr(0, slash);
    if (slash == std::string_view::npos) return false;
    rest.remove_prefix(slash + 1);
    return true;
}

}  // namespace

Status check_topic_filter(std::string_view filter) {
    const auto wrong = [](const char* message) { return Error{Errc::invalid_argument, message}; };
    if (filter.empty()) return wrong("a topic filter must not be empty");
    if (filter.size() > 65'535) return wrong("a topic filter must not be longer than 65535 bytes");
    if (filter.find('\0') != std::string_view::npos || !valid_utf8(filter))
        return wrong("a topic filter must be UTF-8 without U+0000");
    if (filter.starts_with("$share/")) return wrong("streams cannot take shared subscriptions");
    std::string_view level;
    for (bool more = true; more;) {
        more = cut_level(filter, level);
        if (level.size() > 1 && level.find_first_of("+#") != std::string_view::npos)
            return wrong("'+' and '#' must be a whole level of a topic filter");
        if (level == "#" && more) return wrong("'#' must be the last level of a topic filter");
    }
    return {};
}

void Router::add(std::string_view filter, std::uint16_t stream) {
    std::uint32_t node = 0;
    nodes_[0].least = std::min(nodes_[0].least, stream);
    std::string_view level;
    for (bool more = true; more;) {
        more = cut_level(filter, level);
        if (level == "#") {
            nodes_[node].below = std::min(nodes_[node].below, stream);
            return;
        }
        node = child(node, level);
        nodes_[node].least = std::min(nodes_[node].least, stream);
    }
    nodes_[node].here = std::min(nodes_[node].here, stream);
}

std::uint32_t Router::child(std::uint32_t node, std::string_view level) {
    const auto fresh = static_cast<std::uint32_t>(nodes_.size());
    if (level == "+") {
        if (nodes_[node].any == 0) {
            nodes_[node].any = fresh;
            nodes_.emplace_back();
        }
        return nodes_[node].any;
    }
    auto& children = nodes_[node].children;
    const auto before = [](const Child& a, std::string_view b) { return a.level < b; };
    const auto at = std::lower_bound(children.begin(), children.end(), level, before);
    if (at != children.end() && at->level == level) return at->node;
    children.insert(at, Child{std::string(level), fresh});
    nodes_.emplace_back();
    return fresh;
}

std::uint16_t Router::find(std::string_view topic) const noexcept {
    std::uint16_t best = kNone;
    if (!topic.empty()) search(0, topic, true, best);
    return best;
}

void Router::search(std::uint32_t node, std::string_view rest, bool first, std::uint16_t& best)
    const noexcept {
    const Node& here = nodes_[node];
    if (here.least >= best) return;
    const bool wild = !first || rest.front() != '$';
    if (wild) best = std::min(best, here.below);
    std::string_view level;
    const bool more = cut_level(rest, level);
    const auto enter = [&](std::uint32_t next) {
        // `sport/#` also matches `sport` (MQTT 5, section 4.7.1.2).
        if (!more) best = std::min({best, nodes_[next].here, nodes_[next].below});
        if (more) search(next, rest, false, best);
    };
    const auto before = [](const Child& a, std::string_view b) { return a.level < b; };
    const auto at = std::lower_bound(here.children.begin(), here.children.end(), level, before);
    if (at != here.children.end() && at->level == level) enter(at->node);
    if (wild && here.any != 0) enter(here.any);
}

}  // namespace penstock::inspect

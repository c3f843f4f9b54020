#include "inspect/router.h"

#include "base/json_text.h"

#include <algorithm>

namespace penstock::inspect {

/// Cuts the first level off `rest`. False: it was the last one.
bool Router::cut_level(std::string_view& rest, Level& level) noexcept {
    level.prefix = 0;
    std::size_t size = 0;
    for (; size < rest.size() && rest[size] != '/'; ++size) {
        if (size < 8)
            level.prefix |= std::uint64_t{static_cast<unsigned char>(rest[size])} << (size * 8);
    }
    level.text = rest.substr(0, size);
    const bool more = size < rest.size();
    rest.remove_prefix(more ? size + 1 : size);
    return more;
}

bool Router::before(const Child& a, const Level& b) noexcept {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.text < b.text;
}

Status check_topic_filter(std::string_view filter) {
    const auto wrong = [](const char* message) { return Error{Errc::invalid_argument, message}; };
    if (filter.empty()) return wrong("a topic filter must not be empty");
    if (filter.size() > 65'535) return wrong("a topic filter must not be longer than 65535 bytes");
    if (filter.find('\0') != std::string_view::npos || !valid_utf8(filter))
        return wrong("a topic filter must be UTF-8 without U+0000");
    if (filter.starts_with("$share/")) return wrong("streams cannot take shared subscriptions");
    while (true) {
        const std::size_t slash = filter.find('/');
        const std::string_view level = filter.substr(0, slash);
        if (level.size() > 1 && level.find_first_of("+#") != std::string_view::npos)
            return wrong("'+' and '#' must be a whole level of a topic filter");
        if (slash == std::string_view::npos) return {};
        if (level == "#") return wrong("'#' must be the last level of a topic filter");
        filter.remove_prefix(slash + 1);
    }
}

void Router::add(std::string_view filter, std::uint16_t stream) {
    std::uint32_t node = 0;
    nodes_[0].least = std::min(nodes_[0].least, stream);
    Level level;
    for (bool more = true; more;) {
        more = cut_level(filter, level);
        if (level.text == "#") {
            nodes_[node].below = std::min(nodes_[node].below, stream);
            return;
        }
        node = child(node, level);
        nodes_[node].least = std::min(nodes_[node].least, stream);
    }
    nodes_[node].here = std::min(nodes_[node].here, stream);
}

std::uint32_t Router::child(std::uint32_t node, const Level& level) {
    const auto fresh = static_cast<std::uint32_t>(nodes_.size());
    if (level.text == "+") {
        if (nodes_[node].any == 0) {
            nodes_[node].any = fresh;
            nodes_.emplace_back();
        }
        return nodes_[node].any;
    }
    auto& children = nodes_[node].children;
    const auto at = std::lower_bound(children.begin(), children.end(), level, before);
    if (at != children.end() && at->text == level.text) return at->node;
    children.insert(at, Child{std::string(level.text), level.prefix, fresh});
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
    Level level;
    const bool more = cut_level(rest, level);
    const auto at = std::lower_bound(here.children.begin(), here.children.end(), level, before);
    const bool known =
        at != here.children.end() && at->prefix == level.prefix &&
        (level.text.size() <= 8 ? at->text.size() == level.text.size() : at->text == level.text);
    if (known) enter(at->node, rest, more, best);
    if (wild && here.any != 0) enter(here.any, rest, more, best);
}

void Router::enter(std::uint32_t node, std::string_view rest, bool more, std::uint16_t& best)
    const noexcept {
    if (more) return search(node, rest, false, best);
    // `sport/#` also matches `sport` (MQTT 5, section 4.7.1.2).
    best = std::min({best, nodes_[node].here, nodes_[node].below});
}

}  // namespace penstock::inspect

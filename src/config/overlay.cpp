#include "config/overlay.h"

#include <cstddef>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::config {

namespace {

/// Where each key of a map stands among its entries.
std::map<std::string_view, std::size_t> keys_of(const Node& map) {
    std::map<std::string_view, std::size_t> places;
    for (std::size_t i = 0; i < map.entries.size(); ++i)
        places.emplace(map.entries[i].key, i);
    return places;
}

bool takes_away(const Entry& base, const Entry& over) {
    return base.value->kind == Node::Kind::map && over.value->kind == Node::Kind::null;
}

/// Both are maps.
NodePtr merged(const Node& base, const Node& over) {
    const auto places = keys_of(base);
    std::vector<Entry> entries = base.entries;
    for (const Entry& entry : over.entries) {
        const auto found = places.find(entry.key);
        if (found == places.end()) {
            entries.push_back(entry);
            continue;
        }
        Entry& target = entries[found->second];
        Entry replaced = entry;
        replaced.value = takes_away(target, entry) ? nullptr : overlay(target.value, entry.value);
        target = std::move(replaced);
    }
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::map;
    node->source = over.source;
    node->line = over.line;
    node->column = over.column;
    for (Entry& entry : entries) {
        if (!entry.value) continue;
        node->weight += entry.value->weight;
        node->entries.push_back(std::move(entry));
    }
    return node;
}

}  // namespace

NodePtr overlay(const NodePtr& base, const NodePtr& over) {
    const bool maps = base->kind == Node::Kind::map && over->kind == Node::Kind::map;
    return maps ? merged(*base, *over) : over;
}

}  // namespace penstock::config

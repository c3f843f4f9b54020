#pragma once

#include "config/ordered_map.h"
#include "config/value.h"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// How optional members, lists and maps of settings are read and printed. For field.h only.
namespace penstock::config {

template <class M>
struct Value<std::optional<M>> {
    using Leafs = LeafSpec<Leaf<M>>;

    static void read(
        const NodePtr& node, std::optional<M>& out, const Leafs& spec, Context& context
    ) {
        if (node->kind == Node::Kind::null) {
            out.reset();
            return;
        }
        if (!out) out.emplace();
        Value<M>::read(node, *out, spec, context);
    }
    static std::string print(const std::optional<M>& value, const Leafs& spec) {
        return value ? Value<M>::print(*value, spec) : "";
    }
    static Shape shape(const Leafs& spec) {
        Shape shape = Value<M>::shape(spec);
        shape.may_be_nothing = true;
        return shape;
    }
    static Below below(const std::optional<M>* value) {
        Below below = Value<M>::below(value && *value ? &**value : nullptr);
        below.present = value && *value;
        return below;
    }
};

template <class M>
struct Value<std::vector<M>> {
    using Leafs = LeafSpec<Leaf<M>>;

    static void read(
        const NodePtr& node, std::vector<M>& out, const Leafs& spec, Context& context
    ) {
        if (!want_list(*node, context)) return;
        out.clear();
        for (std::size_t i = 0; i < node->items.size(); ++i) {
            const PathStep step(context, '[' + std::to_string(i) + ']');
            M item{};
            Value<M>::read(node->items[i], item, spec, context);
            out.push_back(std::move(item));
        }
    }
    static std::string print(const std::vector<M>& values, const Leafs& spec) {
        std::string text = "[";
        for (const M& value : values) {
            if (text.size() > 1) text += ", ";
            text += Value<M>::print(value, spec);
        }
        return text + ']';
    }
    static Shape shape(const Leafs& spec) {
        auto item = std::make_shared<const Shape>(Value<M>::shape(spec));
        return {Shape::Kind::list, "list", {}, false, {}, std::move(item)};
    }
    static Below below(const void*) {
        Below below = Value<M>::below(nullptr);
        below.suffix = "[]" + below.suffix;
        return below;
    }
};

namespace detail {

/// Maps by name, whatever holds them: `put(name)` gives the place of the value.
template <class M, class Put>
void read_names(
    const NodePtr& node, const LeafSpec<Leaf<M>>& spec, Context& context, const Put& put
) {
    for (const Entry& entry : node->entries) {
        const PathStep step(context, entry.key);
        check_name(entry, spec.names, context);
        M value{};
        Value<M>::read(entry.value, value, spec, context);
        put(entry.key, std::move(value));
    }
}

template <class M, class Map>
std::string print_names(const Map& map, const LeafSpec<Leaf<M>>& spec) {
    std::string text = "{";
    for (const auto& [name, value] : map) {
        if (text.size() > 1) text += ", ";
        text += config::print(std::string(name)) + ": " + Value<M>::print(value, spec);
    }
    return text + '}';
}

template <class M>
Shape shape_of_names(const LeafSpec<Leaf<M>>& spec) {
    auto item = std::make_shared<const Shape>(Value<M>::shape(spec));
    const std::string names = spec.names.empty() ? "" : spec.names.front().pattern;
    return {Shape::Kind::map, "map", {}, false, names, std::move(item)};
}

template <class M>
Below below_names() {
    Below below = Value<M>::below(nullptr);
    below.suffix = ".<name>" + below.suffix;
    return below;
}

}  // namespace detail

template <class M>
struct Value<std::vector<std::pair<std::string, M>>> {
    using Map = std::vector<std::pair<std::string, M>>;
    using Leafs = LeafSpec<Leaf<M>>;

    static void read(const NodePtr& node, Map& out, const Leafs& spec, Context& context) {
        if (!want_map(*node, context)) return;
        out.clear();
        detail::read_names<M>(node, spec, context, [&out](const std::string& name, M value) {
            out.emplace_back(name, std::move(value));
        });
    }
    static std::string print(const Map& map, const Leafs& spec) {
        return detail::print_names<M>(map, spec);
    }
    static Shape shape(const Leafs& spec) { return detail::shape_of_names<M>(spec); }
    static Below below(const void*) { return detail::below_names<M>(); }
};

template <class M>
struct Value<OrderedMap<M>> {
    using Leafs = LeafSpec<Leaf<M>>;

    static void read(const NodePtr& node, OrderedMap<M>& out, const Leafs& spec, Context& context) {
        if (!want_map(*node, context)) return;
        out.clear();
        detail::read_names<M>(node, spec, context, [&out](const std::string& name, M value) {
            out[name] = std::move(value);
        });
    }
    static std::string print(const OrderedMap<M>& map, const Leafs& spec) {
        return detail::print_names<M>(map, spec);
    }
    static Shape shape(const Leafs& spec) { return detail::shape_of_names<M>(spec); }
    static Below below(const void*) { return detail::below_names<M>(); }
};

template <class M>
struct Value<std::map<std::string, M>> {
    using Map = std::map<std::string, M>;
    using Leafs = LeafSpec<Leaf<M>>;

    static void read(const NodePtr& node, Map& out, const Leafs& spec, Context& context) {
        if (!want_map(*node, context)) return;
        out.clear();
        detail::read_names<M>(node, spec, context, [&out](const std::string& name, M value) {
            out[name] = std::move(value);
        });
    }
    static std::string print(const Map& map, const Leafs& spec) {
        return detail::print_names<M>(map, spec);
    }
    static Shape shape(const Leafs& spec) { return detail::shape_of_names<M>(spec); }
    static Below below(const void*) { return detail::below_names<M>(); }
};

}  // namespace penstock::config

#pragma once

#include "config/ordered_map.h"
#include "config/rule.h"
#include "config/secret.h"
#include "config/shape.h"
#include "config/table.h"
#include "config/units.h"
#include "config/variant.h"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// How a value of each C++ type is read from a node, printed and described. Parts add scalar types
/// with `Scalar<T>` and enum names with `Names<E>`; everything else is closed.
namespace penstock::config {

/// A scalar type of a part's own:
///     static Result<T> parse(std::string_view text);   // the error's message continues "'key' ":
///     "must be HOST:PORT" static std::string print(const T&); static constexpr std::string_view
///     kType = "address";
template <class T>
struct Scalar;

template <class T>
concept IsScalar = requires(std::string_view text, const T& value) {
    { Scalar<T>::parse(text) } -> std::same_as<Result<T>>;
    { Scalar<T>::print(value) } -> std::convertible_to<std::string>;
};

/// The names of an enum wherever it is used: `static NameList<E> list();`.
template <class E>
struct Names;

template <>
struct Scalar<ByteCount> {
    static Result<ByteCount> parse(std::string_view text) { return parse_byte_count(text); }
    static std::string print(ByteCount bytes) { return config::print(bytes); }
    static constexpr std::string_view kType = "size";
    static constexpr std::string_view kPattern =
        "0|[0-9]+(\\.[0-9]+)? ?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)";
};

template <>
struct Scalar<Duration> {
    static Result<Duration> parse(std::string_view text) { return parse_duration(text); }
    static std::string print(Duration span) { return config::print(span); }
    static constexpr std::string_view kType = "duration";
    static constexpr std::string_view kPattern = "0|([0-9]+(\\.[0-9]+)? ?(ns|us|ms|s|m|h|d))+";
};

namespace detail {

template <class M>
struct LeafOf {
    using type = M;
};
template <class M>
struct LeafOf<std::optional<M>> : LeafOf<M> {};
template <class M>
struct LeafOf<std::vector<M>> : LeafOf<M> {};
template <class M>
struct LeafOf<std::vector<std::pair<std::string, M>>> : LeafOf<M> {};
template <class M>
struct LeafOf<OrderedMap<M>> : LeafOf<M> {};
template <class M>
struct LeafOf<std::map<std::string, M>> : LeafOf<M> {};

template <class M>
struct EnumNames {};
template <class M>
    requires std::is_enum_v<M>
struct EnumNames<M> {
    NameList<M> list;
};

}  // namespace detail

/// What stands at the end of optionals, lists and maps.
template <class M>
using Leaf = typename detail::LeafOf<M>::type;

/// The rules for the values inside a member.
template <class L>
struct LeafSpec : detail::EnumNames<L> {
    std::vector<Rule<L>> rules;
    Limits limits;
    std::vector<MatchesRule> names;  // for the names of maps
};

/// All rules of a member.
template <class M>
struct Spec : LeafSpec<Leaf<M>> {
    std::vector<Rule<M>> whole;
    Limits whole_limits;
};

// Readers of the built-in scalars. False after a problem was reported.
bool read_bool(const Node& node, bool& out, const Context& context);
bool read_signed(
    const Node& node, std::int64_t low, std::int64_t high, std::int64_t& out, const Context& context
);
bool read_unsigned(
    const Node& node, std::uint64_t high, std::uint64_t& out, const Context& context
);
bool read_number(const Node& node, double& out, const Context& context);
bool read_text(const Node& node, std::string& out, const Context& context);
bool read_secret(const Node& node, Secret& out, const Context& context);
/// The index of the scalar in `names`, or a problem with a suggestion.
std::optional<std::size_t> read_name(
    const Node& node, const std::vector<std::string>& names, const Context& context
);
/// True for a map (null counts as an empty one); else a problem.
bool want_map(const Node& node, const Context& context);
bool want_list(const Node& node, const Context& context);
bool want_scalar(const Node& node, const Context& context);
void check_name(const Entry& entry, const std::vector<MatchesRule>& rules, const Context& context);

template <class M>
struct Value;

template <class M>
concept IsPlainScalar =
    std::is_arithmetic_v<M> || std::is_enum_v<M> || std::same_as<M, std::string> ||
    std::same_as<M, std::filesystem::path> || std::same_as<M, Secret> || IsScalar<M>;

/// Scalars of all types.
template <IsPlainScalar M>
struct Value<M> {
    using Leafs = LeafSpec<M>;

    static void read(const NodePtr& node, M& out, const Leafs& spec, Context& context) {
        M value{};
        if (!want_scalar(*node, context) || !parse(*node, value, spec, context)) return;
        for (const Rule<M>& rule : spec.rules) {
            if (rule.holds(value)) continue;
            if constexpr (std::same_as<M, Secret>) {
                context.error(*node, "must " + rule.meaning);
            } else {
                context.wrong(*node, "must " + rule.meaning);
            }
            return;
        }
        out = std::move(value);
    }

    static std::string print(const M& value, [[maybe_unused]] const Leafs& spec) {
        if constexpr (std::is_enum_v<M>) {
            for (const auto& [text, named] : enum_names(spec)) {
                if (named == value) return text;
            }
            return "";
        } else if constexpr (std::same_as<M, std::filesystem::path>) {
            return config::print(value.string());
        } else if constexpr (std::same_as<M, Secret>) {
            return "";
        } else if constexpr (IsScalar<M>) {
            return Scalar<M>::print(value);
        } else if constexpr (std::floating_point<M>) {
            return config::print(static_cast<double>(value));
        } else {
            return config::print(value);
        }
    }

    static Shape shape(const Leafs& spec) {
        Shape shape{kKind, kName, spec.limits, false, {}, nullptr};
        if constexpr (std::is_enum_v<M>) {
            for (const auto& [word, value] : enum_names(spec))
                shape.limits.words.push_back(word);
        } else if constexpr (std::integral<M> && !std::same_as<M, bool>) {
            if (!shape.limits.minimum)
                shape.limits.minimum = config::print(std::numeric_limits<M>::min());
            if (!shape.limits.maximum)
                shape.limits.maximum = config::print(std::numeric_limits<M>::max());
        } else if constexpr (requires { Scalar<M>::kPattern; }) {
            shape.limits.pattern = Scalar<M>::kPattern;
        }
        return shape;
    }

    static Below below(const void*) { return {}; }

private:
    static constexpr Shape::Kind kKind = [] {
        if (std::is_enum_v<M>) return Shape::Kind::word;
        if (std::same_as<M, bool>) return Shape::Kind::truth;
        if (std::integral<M>) return Shape::Kind::integer;
        if (std::floating_point<M>) return Shape::Kind::number;
        if (std::same_as<M, ByteCount> || std::same_as<M, Duration>) return Shape::Kind::quantity;
        return Shape::Kind::text;
    }();
    static constexpr std::string_view kName = []() -> std::string_view {
        if constexpr (std::same_as<M, bool>) {
            return "true or false";
        } else if constexpr (std::integral<M>) {
            return "integer";
        } else if constexpr (std::floating_point<M>) {
            return "number";
        } else if constexpr (std::same_as<M, std::filesystem::path>) {
            return "path";
        } else if constexpr (std::same_as<M, Secret>) {
            return "secret";
        } else if constexpr (IsScalar<M>) {
            return Scalar<M>::kType;
        } else {
            return "text";
        }
    }();

    static NameList<M> enum_names(const Leafs& spec)
        requires std::is_enum_v<M>
    {
        if constexpr (requires { Names<M>::list(); }) {
            if (spec.list.empty()) return Names<M>::list();
        }
        return spec.list;
    }

    static bool parse(
        const Node& node, M& out, [[maybe_unused]] const Leafs& spec, const Context& context
    ) {
        if constexpr (std::is_enum_v<M>) {
            const NameList<M> names = enum_names(spec);
            std::vector<std::string> words;
            for (const auto& [word, value] : names)
                words.push_back(word);
            const auto index = read_name(node, words, context);
            if (index) out = names[*index].second;
            return index.has_value();
        } else if constexpr (std::same_as<M, bool>) {
            return read_bool(node, out, context);
        } else if constexpr (std::signed_integral<M>) {
            std::int64_t value = 0;
            constexpr std::int64_t kLow = std::numeric_limits<M>::min();
            constexpr std::int64_t kHigh = std::numeric_limits<M>::max();
            if (!read_signed(node, kLow, kHigh, value, context)) return false;
            out = static_cast<M>(value);
            return true;
        } else if constexpr (std::unsigned_integral<M>) {
            std::uint64_t value = 0;
            if (!read_unsigned(node, std::numeric_limits<M>::max(), value, context)) return false;
            out = static_cast<M>(value);
            return true;
        } else if constexpr (std::floating_point<M>) {
            double value = 0;
            if (!read_number(node, value, context)) return false;
            out = static_cast<M>(value);
            return true;
        } else if constexpr (std::same_as<M, std::string>) {
            return read_text(node, out, context);
        } else if constexpr (std::same_as<M, std::filesystem::path>) {
            std::string text;
            if (!read_text(node, text, context)) return false;
            out = std::move(text);
            return true;
        } else if constexpr (std::same_as<M, Secret>) {
            return read_secret(node, out, context);
        } else {
            Result<M> value = Scalar<M>::parse(node.text);
            if (!value.ok()) {
                context.wrong(node, value.error().message);
                return false;
            }
            out = std::move(value).value();
            return true;
        }
    }
};

/// Nested tables.
template <IsTable M>
struct Value<M> {
    using Leafs = LeafSpec<M>;

    static void read(const NodePtr& node, M& out, const Leafs& spec, Context& context) {
        const std::size_t before = context.problems.errors();
        read_table(node, {{&table_of<M>(), &out}}, context);
        if (context.problems.errors() != before) return;
        for (const Rule<M>& rule : spec.rules) {
            if (!rule.holds(out)) context.error(*node, "must " + rule.meaning);
        }
    }
    static std::string print(const M&, const Leafs&) { return ""; }
    static Shape shape(const Leafs&) { return {Shape::Kind::table, "table", {}, false, {}, {}}; }
    static Below below(const M* defaults) {
        const TableBase& table = table_of<M>();
        const void* object = defaults ? defaults : table.defaults.get();
        return {"", {{"", "", {{&table, object}}}}};
    }
};

/// One table of a family, by `type:`.
template <class Base>
struct Kind {
    std::string name;
    std::string help;
    std::function<Variant<Base>(const std::string& name, const NodePtr&, Context&)> read;
    std::function<Below::Keys()> below;
};

template <class Base>
using KindList = std::vector<Kind<Base>>;

/// A line of `Kinds<Base>::list()`: `kind<SinkConfig, KafkaConfig>("kafka", "An ordered stream.")`.
/// When Base has a table, its keys come first.
template <class Base, class Derived>
    requires std::is_base_of_v<Base, Derived> && IsTable<Derived>
Kind<Base> kind(const std::string& name, const std::string& help) {
    const auto parts = [](Derived& settings) {
        TableParts list;
        if constexpr (IsTable<Base> && !std::same_as<Base, Derived>) {
            list.emplace_back(&table_of<Base>(), static_cast<Base*>(&settings));
        }
        list.emplace_back(&table_of<Derived>(), &settings);
        return list;
    };
    Kind<Base> made;
    made.name = name;
    made.help = help;
    made.read = [parts](const std::string& type, const NodePtr& node, Context& context) {
        Derived settings{};
        read_table(node, parts(settings), context, "type");
        return Variant<Base>::of(type, std::move(settings));
    };
    made.below = [name, help] {
        static const Derived defaults{};
        Below::Keys keys{name, help, {}};
        if constexpr (IsTable<Base> && !std::same_as<Base, Derived>) {
            keys.tables.emplace_back(&table_of<Base>(), static_cast<const Base*>(&defaults));
        }
        keys.tables.emplace_back(&table_of<Derived>(), &defaults);
        return keys;
    };
    return made;
}

/// The node of the key `type` and which of `names` it is, or problems.
std::optional<std::size_t> read_kind(
    const Node& node, const std::vector<std::string>& names, Context& context
);

template <class Base>
struct Value<Variant<Base>> {
    using Leafs = LeafSpec<Variant<Base>>;

    static void read(const NodePtr& node, Variant<Base>& out, const Leafs&, Context& context) {
        const KindList<Base> kinds = Kinds<Base>::list();
        std::vector<std::string> names;
        for (const Kind<Base>& kind : kinds)
            names.push_back(kind.name);
        if (!want_map(*node, context)) return;
        const auto index = read_kind(*node, names, context);
        if (index) out = kinds[*index].read(kinds[*index].name, node, context);
    }
    static std::string print(const Variant<Base>&, const Leafs&) { return ""; }
    static Shape shape(const Leafs&) {
        return {Shape::Kind::choice, "table by type", {}, false, {}, {}};
    }
    static Below below(const void*) {
        Below below;
        for (const Kind<Base>& kind : Kinds<Base>::list())
            below.choices.push_back(kind.below());
        return below;
    }
};

}  // namespace penstock::config

#pragma once

#include "config/apply_rule.h"
#include "config/container.h"
#include "config/document.h"
#include "config/problem.h"
#include "config/secret.h"
#include "config/table.h"
#include "config/units.h"
#include "config/value.h"
#include "config/variant.h"
#include "config/yaml.h"

#include <concepts>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// Settings are structs with defaults in place, and a table with one line per key. Parsing,
/// unknown-key errors, ranges, the printed reference and docs/CONFIG.md all come from the table.
///
///     // journal/config.h
///     namespace penstock::journal {
///     enum class IoMode { automatic, uring, sync };
///     struct Config {
///         ByteCount segment_size = 64_MiB;
///         Duration commit_window = 1ms;
///         IoMode io = IoMode::automatic;
///         config::Origin origin;            // optional: filled with the place of the table
///     };
///     }
///     template <>
///     struct penstock::config::Fields<penstock::journal::Config> {
///         static Table<journal::Config> table();
///         static void check(const journal::Config&, const Origin&, Problems&);   // optional
///     };
///
///     // journal/config.cpp
///     namespace penstock::config {
///     using journal::Config;
///     Table<Config> Fields<Config>::table() {
///         return {
///             field("segment_size", &Config::segment_size, "A segment is sealed at this size.",
///                   between(1_MiB, 4_GiB)),
///             field("commit_window", &Config::commit_window, "Longest wait for more records.",
///             at_most(1s)), field("io", &Config::io, "How segments are written.",
///                   one_of<journal::IoMode>({{"auto", journal::IoMode::automatic}, ...})),
///         };
///     }
///     void Fields<Config>::check(const Config& c, const Origin& where, Problems& problems) {
///         if (...) problems.error(where.at("segment_size"), "must hold at least one record");
///     }
///     }
///
/// Types of members: bool, integers, floating point, std::string, std::filesystem::path, ByteCount,
/// Duration, Secret, enums (with `one_of`, or `Names<E>` for every use), anything with a
/// `Scalar<T>`, other tables, `std::optional` and `std::vector` of these, `OrderedMap` /
/// `std::vector<std::pair<std::string, T>>` / `std::map<std::string, T>` (keys are names, order of
/// the file kept by the first two), and `Variant<Base>` (by `type:`). `check` runs only when the
/// table itself had no error. Members that are absent keep their default.
namespace penstock::config {

// ---- rules: any number after the help text of a field -------------------------------------------

// NOLINTBEGIN(readability-identifier-naming): words of the tables' little language.
/// The key must be there.
inline constexpr RequiredRule required{};

/// A new value, of the key or of one below it, is taken at the next start only: a reload leaves it.
inline constexpr NeedsRestartRule needs_restart{};

/// Neither an empty text nor an empty list or map.
inline constexpr NotEmptyRule not_empty{};
// NOLINTEND(readability-identifier-naming)

/// Bounds for numbers, byte counts and durations; for an optional or a list they hold for each
/// value in it.
template <class V>
AtLeastRule<V> at_least(V low) {
    return {low};
}
template <class V>
AtMostRule<V> at_most(V high) {
    return {high};
}
template <class V>
BetweenRule<V> between(V low, V high) {
    return {low, high};
}

/// Texts that match a POSIX extended regular expression as a whole. `meaning` ends the sentence
/// "must be ...".
inline MatchesRule matches(std::string pattern, std::string meaning) {
    return {std::move(pattern), std::move(meaning)};
}

/// Names of a map that match; as `matches`. `names_are_ids` wants [A-Za-z][A-Za-z0-9_-]{0,63}.
inline NamesMatchRule names_match(std::string pattern, std::string meaning) {
    return {MatchesRule{std::move(pattern), std::move(meaning)}};
}
inline NamesMatchRule names_are_ids() {
    return names_match(
        "[A-Za-z][A-Za-z0-9_-]{0,63}", "a letter and up to 63 letters, digits, '_' or '-'"
    );
}

/// At most so many items of a list or map.
inline MaxItemsRule max_items(std::size_t count) {
    return {count};
}

/// The values of an enum by name: `one_of<IoMode>({{"auto", IoMode::automatic}, {"sync",
/// IoMode::sync}})`.
template <class E>
    requires std::is_enum_v<E>
NameList<E> one_of(std::initializer_list<std::pair<std::string_view, E>> names) {
    NameList<E> list;
    for (const auto& [name, value] : names)
        list.emplace_back(std::string(name), value);
    return list;
}

/// A text out of a fixed set.
inline AmongRule among(std::vector<std::string> texts) {
    return {std::move(texts)};
}

/// Any other rule: `holds` gets the value, `meaning` ends the sentence "must be ...".
template <class V, class F>
SatisfiesRule<V> satisfies(std::string meaning, F holds) {
    return {std::move(meaning), std::function<bool(const V&)>(std::move(holds))};
}

// ---- fields -------------------------------------------------------------------------------------

/// One key of a table: its name, the member it sets, a help sentence, rules.
template <class T, class M, class... Rules>
Field<T> field(std::string_view key, M T::* member, std::string_view help, Rules&&... rules) {
    auto spec = std::make_shared<Spec<M>>();
    Field<T> made;
    made.key = key;
    made.help = help;
    (detail::apply_rule(*spec, made, std::forward<Rules>(rules)), ...);
    made.shape = Value<M>::shape(*spec);
    made.shape.limits.not_empty |= spec->whole_limits.not_empty;
    if (spec->whole_limits.items_max) made.shape.limits.items_max = spec->whole_limits.items_max;
    made.read = [member, spec](const NodePtr& node, void* table, Context& context) {
        M& value = static_cast<T*>(table)->*member;
        const std::size_t before = context.problems.errors();
        Value<M>::read(node, value, *spec, context);
        if (context.problems.errors() != before) return;
        for (const Rule<M>& rule : spec->whole) {
            if (!rule.holds(value)) context.error(*node, "must " + rule.meaning);
        }
    };
    made.print = [member, spec](const void* table) {
        return Value<M>::print(static_cast<const T*>(table)->*member, *spec);
    };
    made.below = [member](const void* table) {
        return Value<M>::below(table ? &(static_cast<const T*>(table)->*member) : nullptr);
    };
    return made;
}

/// The keys of another table as if they stood in this one. The rule may be `needs_restart`.
template <class T, class M, class... Rules>
    requires IsTable<M>
Field<T> keys_of(M T::* member, Rules... rules) {
    Field<T> made;
    Spec<M> spec;
    (detail::apply_rule(spec, made, rules), ...);
    made.merged = &table_of<M>();
    made.merged_object = [member](void* table) -> void* {
        return &(static_cast<T*>(table)->*member);
    };
    return made;
}

// ---- reading ------------------------------------------------------------------------------------

/// Reads settings texts into T, each laid over those before it. Returns what could be read only
/// when `problems` has no error after it.
template <class T>
    requires IsTable<T>
std::optional<T> read(
    std::vector<Source> texts,
    Problems& problems,
    const Environment& environment = process_environment()
) {
    const std::size_t before = problems.errors();
    const auto document = parse_yaml(std::move(texts), environment, problems);
    if (!document) return std::nullopt;
    Context context{problems, document, environment, {}};
    T settings{};
    Value<T>::read(document->root(), settings, {}, context);
    if (problems.errors() != before) return std::nullopt;
    return settings;
}

/// `read` of one text.
template <class T>
    requires IsTable<T>
std::optional<T> read(
    std::string_view text,
    std::string file,
    Problems& problems,
    const Environment& environment = process_environment()
) {
    return read<T>({{std::move(file), std::string(text)}}, problems, environment);
}

/// `read` from files (1 MiB each at most). Precondition: there is one at least.
template <class T>
    requires IsTable<T>
std::optional<T> load(
    const std::vector<std::filesystem::path>& paths,
    Problems& problems,
    const Environment& environment = process_environment()
) {
    auto texts = read_settings_files(paths, problems);
    if (!texts) return std::nullopt;
    return read<T>(std::move(*texts), problems, environment);
}

}  // namespace penstock::config

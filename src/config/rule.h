#pragma once

#include "config/shape.h"
#include "config/units.h"

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

/// The rules of field.h: each knows its words ("be at least 1MiB") and whether a value keeps it.
namespace penstock::config {

[[nodiscard]] std::string print(bool value);
[[nodiscard]] std::string print(double value);
[[nodiscard]] std::string print(const std::string& value);  // quoted as YAML when it has to be

template <std::integral I>
    requires(!std::same_as<I, bool>)
std::string print(I value) {
    return std::to_string(value);
}

template <class Rep, class Period>
    requires(!std::same_as<std::chrono::duration<Rep, Period>, Duration>)
std::string print(std::chrono::duration<Rep, Period> span) {
    return print(std::chrono::duration_cast<Duration>(span));
}

namespace detail {

template <class A, class B>
bool less(const A& a, const B& b) {
    if constexpr (std::integral<A> && std::integral<B>) {
        return std::cmp_less(a, b);
    } else if constexpr (std::is_arithmetic_v<A> && std::is_arithmetic_v<B>) {
        return static_cast<long double>(a) < static_cast<long double>(b);
    } else {
        return a < b;
    }
}

/// Whether a text matches a POSIX extended regular expression as a whole. A pattern that is none
/// aborts: it is ours.
[[nodiscard]] bool matches_whole(const std::string& pattern, const std::string& text);

}  // namespace detail

struct RequiredRule {};
struct NeedsRestartRule {};

struct NotEmptyRule {
    [[nodiscard]] static std::string meaning() { return "not be empty"; }
    template <class V>
    [[nodiscard]] bool holds(const V& value) const {
        return !value.empty();
    }
    static void limit(Limits& limits) { limits.not_empty = true; }
};

template <class B>
struct AtLeastRule {
    B low;
    [[nodiscard]] std::string meaning() const { return "be at least " + print(low); }
    template <class V>
    [[nodiscard]] bool holds(const V& value) const {
        return !detail::less(value, low);
    }
    void limit(Limits& limits) const { limits.minimum = print(low); }
};

template <class B>
struct AtMostRule {
    B high;
    [[nodiscard]] std::string meaning() const { return "be at most " + print(high); }
    template <class V>
    [[nodiscard]] bool holds(const V& value) const {
        return !detail::less(high, value);
    }
    void limit(Limits& limits) const { limits.maximum = print(high); }
};

template <class B>
struct BetweenRule {
    B low;
    B high;
    [[nodiscard]] std::string meaning() const {
        return "be between " + print(low) + " and " + print(high);
    }
    template <class V>
    [[nodiscard]] bool holds(const V& value) const {
        return !detail::less(value, low) && !detail::less(high, value);
    }
    void limit(Limits& limits) const {
        limits.minimum = print(low);
        limits.maximum = print(high);
    }
};

struct MatchesRule {
    std::string pattern;
    std::string means;
    [[nodiscard]] std::string meaning() const { return "be " + means; }
    [[nodiscard]] bool holds(const std::string& text) const {
        return detail::matches_whole(pattern, text);
    }
    void limit(Limits& limits) const { limits.pattern = pattern; }
};

struct NamesMatchRule {
    MatchesRule rule;
};

struct MaxItemsRule {
    std::size_t count;
    [[nodiscard]] std::string meaning() const {
        return "have at most " + std::to_string(count) + " items";
    }
    template <class V>
    [[nodiscard]] bool holds(const V& values) const {
        return values.size() <= count;
    }
    void limit(Limits& limits) const { limits.items_max = count; }
};

struct AmongRule {
    std::vector<std::string> texts;
    [[nodiscard]] std::string meaning() const;
    [[nodiscard]] bool holds(const std::string& text) const;
    void limit(Limits& limits) const { limits.words = texts; }
};

template <class V>
struct SatisfiesRule {
    std::string means;
    std::function<bool(const V&)> test;
    [[nodiscard]] std::string meaning() const { return "be " + means; }
    [[nodiscard]] bool holds(const V& value) const { return test(value); }
    static void limit(Limits&) {}
};

/// The values of an enum by name.
template <class E>
using NameList = std::vector<std::pair<std::string, E>>;

/// A rule with its own type forgotten.
template <class V>
struct Rule {
    std::string meaning;
    std::function<bool(const V&)> holds;
};

}  // namespace penstock::config

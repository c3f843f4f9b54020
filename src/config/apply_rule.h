#pragma once

#include "config/rule.h"
#include "config/table.h"
#include "config/value.h"

#include <concepts>
#include <string>
#include <utility>

/// How each rule of a field finds the values that it is about. For field.h only.
namespace penstock::config {

namespace detail {

template <class M>
void apply_rule(Spec<M>&, FieldBase& field, RequiredRule) {
    field.required = true;
}

template <class M>
void apply_rule(Spec<M>&, FieldBase& field, NeedsRestartRule) {
    field.needs_restart = true;
}

/// Rules of the member as a whole: they fit no value inside it.
template <class M>
void add_whole(Spec<M>& spec, FieldBase& field, const auto& rule) {
    field.notes.push_back(rule.meaning());
    const std::string meaning = rule.meaning();
    Rule<M> made{meaning, [rule](const M& value) { return rule.holds(value); }};
    if constexpr (std::same_as<M, Leaf<M>>) {
        rule.limit(spec.limits);
        spec.rules.push_back(std::move(made));
    } else {
        rule.limit(spec.whole_limits);
        spec.whole.push_back(std::move(made));
    }
}

/// Rules of each value inside the member.
template <class M>
void add_leaf(Spec<M>& spec, FieldBase& field, const auto& rule) {
    field.notes.push_back(rule.meaning());
    rule.limit(spec.limits);
    const std::string meaning = rule.meaning();
    spec.rules.push_back({meaning, [rule](const Leaf<M>& value) { return rule.holds(value); }});
}

template <class M>
void apply_rule(Spec<M>& spec, FieldBase& field, NotEmptyRule rule) {
    if constexpr (requires(const M& m) { m.empty(); }) {
        add_whole(spec, field, rule);
    } else {
        add_leaf(spec, field, rule);
    }
}

template <class M>
void apply_rule(Spec<M>& spec, FieldBase& field, MaxItemsRule rule) {
    add_whole(spec, field, rule);
}

template <class M, class B>
void apply_rule(Spec<M>& spec, FieldBase& field, AtLeastRule<B> rule) {
    add_leaf(spec, field, rule);
}

template <class M, class B>
void apply_rule(Spec<M>& spec, FieldBase& field, AtMostRule<B> rule) {
    add_leaf(spec, field, rule);
}

template <class M, class B>
void apply_rule(Spec<M>& spec, FieldBase& field, BetweenRule<B> rule) {
    add_leaf(spec, field, rule);
}

template <class M>
void apply_rule(Spec<M>& spec, FieldBase& field, const MatchesRule& rule) {
    add_leaf(spec, field, rule);
}

template <class M>
void apply_rule(Spec<M>& spec, FieldBase& field, NamesMatchRule rule) {
    field.notes.push_back("have names that are " + rule.rule.means);
    spec.names.push_back(std::move(rule.rule));
}

template <class M>
void apply_rule(Spec<M>& spec, FieldBase& field, const AmongRule& rule) {
    add_leaf(spec, field, rule);
}

template <class M, class V>
void apply_rule(Spec<M>& spec, FieldBase& field, const SatisfiesRule<V>& rule) {
    if constexpr (std::same_as<V, M>) {
        add_whole(spec, field, rule);
    } else {
        static_assert(
            std::same_as<V, Leaf<M>>, "satisfies<V>: V is the member's type or its values'"
        );
        add_leaf(spec, field, rule);
    }
}

template <class M, class E>
void apply_rule(Spec<M>& spec, FieldBase&, NameList<E> names) {
    static_assert(std::same_as<E, Leaf<M>>, "one_of<E>: E is the member's enum");
    spec.list = std::move(names);
}

}  // namespace detail

}  // namespace penstock::config

#include "config/value.h"

#include "base/text.h"

namespace penstock::config {

namespace {

bool is_digits(std::string_view text) noexcept {
    if (text.empty()) return false;
    for (const char c : text) {
        if (c < '0' || c > '9') return false;
    }
    return true;
}

/// `-12`, `0`, `7`: no sign `+`, no leading zero (which other readers take for octal), no `_`.
bool is_whole_number(std::string_view text) noexcept {
    if (text.starts_with('-')) text.remove_prefix(1);
    return is_digits(text) && (text.size() == 1 || text[0] != '0');
}

/// Numbers and truth values stand without quotes.
bool want_plain(const Node& node, std::string_view what, const Context& context) {
    if (node.plain) return true;
    context.wrong(node, "must be " + std::string(what) + " without quotes");
    return false;
}

bool want_whole_number(const Node& node, const Context& context) {
    if (!want_plain(node, "a whole number", context)) return false;
    if (is_whole_number(node.text)) return true;
    const std::string_view digits = node.text;
    const bool zeros = is_digits(digits.substr(digits.starts_with('-') ? 1 : 0));
    context.wrong(
        node, zeros ? "must be a whole number without leading zeros" : "must be a whole number"
    );
    return false;
}

std::string name_of(Node::Kind kind) {
    switch (kind) {
        case Node::Kind::null:
            return "nothing";
        case Node::Kind::scalar:
            return "a single value";
        case Node::Kind::list:
            return "a list";
        case Node::Kind::map:
            break;
    }
    return "a table of keys";
}

}  // namespace

bool want_scalar(const Node& node, const Context& context) {
    if (node.kind == Node::Kind::scalar) return true;
    if (node.kind == Node::Kind::null) {
        context.error(node, "needs a value");
    } else {
        context.error(node, "must be a single value, not " + name_of(node.kind));
    }
    return false;
}

bool want_map(const Node& node, const Context& context) {
    if (node.kind == Node::Kind::map || node.kind == Node::Kind::null) return true;
    context.error(node, "must be a table of keys, not " + name_of(node.kind));
    return false;
}

bool want_list(const Node& node, const Context& context) {
    if (node.kind == Node::Kind::list || node.kind == Node::Kind::null) return true;
    context.error(node, "must be a list, such as [a, b], not " + name_of(node.kind));
    return false;
}

void check_name(const Entry& entry, const std::vector<MatchesRule>& rules, const Context& context) {
    const Place place = context.document->place(entry);
    if (entry.key.empty()) context.problems.error(place, "a name must not be empty");
    for (const MatchesRule& rule : rules) {
        if (rule.holds(entry.key)) continue;
        context.problems.error(place, "the name " + quoted(entry.key) + " must " + rule.meaning());
    }
}

bool read_bool(const Node& node, bool& out, const Context& context) {
    if (!want_plain(node, "true or false", context)) return false;
    out = node.text == "true";
    if (out || node.text == "false") return true;
    context.wrong(node, "must be true or false");
    return false;
}

bool read_signed(
    const Node& node, std::int64_t low, std::int64_t high, std::int64_t& out, const Context& context
) {
    if (!want_whole_number(node, context)) return false;
    const auto value = text::parse_int(node.text);
    if (!value || *value < low || *value > high) {
        context.wrong(
            node, "must be between " + std::to_string(low) + " and " + std::to_string(high)
        );
        return false;
    }
    out = *value;
    return true;
}

bool read_unsigned(
    const Node& node, std::uint64_t high, std::uint64_t& out, const Context& context
) {
    if (!want_whole_number(node, context)) return false;
    const auto value = text::parse_uint(node.text);
    if (!value || *value > high) {
        context.wrong(node, "must be between 0 and " + std::to_string(high));
        return false;
    }
    out = *value;
    return true;
}

bool read_number(const Node& node, double& out, const Context& context) {
    if (!want_plain(node, "a number", context)) return false;
    const auto value = text::parse_double(node.text);
    if (!value) {
        context.wrong(node, "must be a number");
        return false;
    }
    out = *value;
    return true;
}

bool read_text(const Node& node, std::string& out, const Context& context) {
    if (node.text.find('\0') != std::string::npos) {
        context.error(node, "must not hold a NUL character");
        return false;
    }
    out = node.text;
    return true;
}

bool read_secret(const Node& node, Secret& out, const Context& context) {
    Result<Secret> secret = resolve_secret(node.text, context.environment);
    if (!secret.ok()) {
        context.error(node, "cannot be had: " + secret.error().message);
        return false;
    }
    out = std::move(secret).value();
    return true;
}

std::optional<std::size_t> read_name(
    const Node& node, const std::vector<std::string>& names, const Context& context
) {
    std::string all;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == node.text) return i;
        all += (i == 0 ? "" : ", ") + names[i];
    }
    context.error(
        node,
        "must be one of " + all + ", not " + quoted(node.shown()) +
            suggestion(node.substituted ? "" : node.text, names)
    );
    return std::nullopt;
}

std::optional<std::size_t> read_kind(
    const Node& node, const std::vector<std::string>& names, Context& context
) {
    const Entry* type = node.find("type");
    if (!type) {
        std::string all;
        for (const std::string& name : names)
            all += (all.empty() ? "" : ", ") + name;
        context.error(node, "needs the key 'type', one of " + all);
        return std::nullopt;
    }
    const PathStep step(context, "type");
    if (!want_scalar(*type->value, context)) return std::nullopt;
    return read_name(*type->value, names, context);
}

}  // namespace penstock::config

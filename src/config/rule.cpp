#include "config/rule.h"

#include "base/json_text.h"
#include "base/text.h"

#include <regex.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace penstock::config {

namespace {

/// Whether YAML would read the text as itself without quotes.
bool stands_alone(const std::string& value) {
    constexpr std::string_view kIndicators = "-?:,[]{}#&*!|>'\"%@` ";
    if (value.empty() || kIndicators.find(value.front()) != std::string_view::npos) return false;
    if (value.back() == ' ' || value.back() == ':') return false;
    if (value == "true" || value == "false" || value == "null" || value == "~") return false;
    if (text::parse_double(value)) return false;
    if (value.find(": ") != std::string::npos || value.find(" #") != std::string::npos)
        return false;
    for (const char c : value) {
        if (static_cast<unsigned char>(c) < 0x20 || c == ',' || c == ']' || c == '}') return false;
    }
    return true;
}

}  // namespace

std::string print(bool value) {
    return value ? "true" : "false";
}

std::string print(double value) {
    return text::shortest(value);
}

std::string print(const std::string& value) {
    if (stands_alone(value)) return value;
    std::string out;
    append_json_string(value, out);
    return out;
}

std::string AmongRule::meaning() const {
    std::string words;
    for (const std::string& text : texts)
        words += (words.empty() ? "" : ", ") + text;
    return "be one of " + words;
}

bool AmongRule::holds(const std::string& text) const {
    return std::find(texts.begin(), texts.end(), text) != texts.end();
}

namespace detail {

bool matches_whole(const std::string& pattern, const std::string& text) {
    if (text.find('\0') != std::string::npos) return false;
    regex_t compiled;
    const std::string whole = "^(" + pattern + ")$";
    if (::regcomp(&compiled, whole.c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
        std::fprintf(stderr, "settings rule: not a pattern: %s\n", pattern.c_str());
        std::abort();
    }
    const bool matched = ::regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
    ::regfree(&compiled);
    return matched;
}

}  // namespace detail

}  // namespace penstock::config

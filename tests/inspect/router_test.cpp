#include "inspect/router.h"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace penstock;
using namespace penstock::inspect;

namespace {

std::uint16_t route(const std::vector<std::string>& filters, std::string_view topic) {
    Router router;
    for (std::uint16_t i = 0; i < filters.size(); ++i)
        router.add(filters[i], i);
    return router.find(topic);
}

bool matches(const std::string& filter, std::string_view topic) {
    return route({filter}, topic) == 0;
}

/// The rule of MQTT 5 section 4.7, filter against topic, level by level.
bool plain_match(std::string_view filter, std::string_view topic, bool first = true) {
    const auto cut = [](std::string_view text) { return text.substr(0, text.find('/')); };
    const auto rest = [](std::string_view text) { return text.substr(text.find('/') + 1); };
    if (first && topic.starts_with('$') && (filter.starts_with('#') || filter.starts_with('+')))
        return false;
    if (filter == "#") return true;
    const bool more_filter = filter.find('/') != std::string_view::npos;
    const bool more_topic = topic.find('/') != std::string_view::npos;
    if (cut(filter) != "+" && cut(filter) != cut(topic)) return false;
    if (!more_topic && more_filter) return rest(filter) == "#";
    if (more_topic != more_filter) return false;
    return !more_topic || plain_match(rest(filter), rest(topic), false);
}

}  // namespace

TEST_CASE("topic filters match as MQTT says", "[inspect][MQTT-4.7.1-2]") {
    CHECK(matches("a/b", "a/b"));
    CHECK_FALSE(matches("a/b", "a/b/c"));
    CHECK_FALSE(matches("a/b", "a"));
    CHECK(matches("a/+", "a/b"));
    CHECK(matches("a/+", "a/"));
    CHECK_FALSE(matches("a/+", "a"));
    CHECK_FALSE(matches("a/+", "a/b/c"));
    CHECK(matches("+/+", "/b"));
    CHECK(matches("a/#", "a/b/c"));
    CHECK(matches("a/#", "a"));
    CHECK_FALSE(matches("a/#", "ab"));
    CHECK(matches("#", "a/b/c"));
    CHECK(matches("+/b/#", "a/b"));
    CHECK_FALSE(matches("#", "$SYS/x"));
    CHECK_FALSE(matches("+/x", "$SYS/x"));
    CHECK(matches("$SYS/#", "$SYS/x"));
    CHECK(matches("a/+", "a/$b"));
    CHECK_FALSE(matches("#", ""));
}

TEST_CASE("of several filters the stream that stands first takes the topic", "[inspect]") {
    CHECK(route({"a/+", "a/b", "#"}, "a/b") == 0);
    CHECK(route({"a/b", "a/+", "#"}, "a/b") == 0);
    CHECK(route({"x", "#", "a/b"}, "a/b") == 1);
    CHECK(route({"x", "a/+/c", "a/b/c"}, "a/b/c") == 1);
    CHECK(route({"x", "y"}, "a") == Router::kNone);
    CHECK(route({}, "a") == Router::kNone);
}

TEST_CASE("the router agrees with the plain rule on any filters", "[inspect]") {
    std::mt19937 random(7);
    const auto text = [&](bool filter) {
        const std::vector<std::string> levels{"a", "b", "", "$s", "ab", "+", "#"};
        std::string made;
        for (std::size_t i = 1 + random() % 4; i > 0; --i) {
            const std::string& level = levels[random() % (filter ? 7 : 5)];
            made += level;
            if (level == "#") break;
            if (i > 1) made += '/';
        }
        return made.empty() ? std::string("a") : made;
    };
    for (int round = 0; round < 2'000; ++round) {
        std::vector<std::string> filters;
        while (filters.size() < 6) {
            std::string made = text(true);
            if (check_topic_filter(made).ok()) filters.push_back(std::move(made));
        }
        const std::string topic = text(false);
        std::uint16_t expected = Router::kNone;
        for (std::uint16_t i = 0; i < filters.size() && expected == Router::kNone; ++i)
            if (plain_match(filters[i], topic)) expected = i;
        INFO(
            topic << " in " << filters[0] << " " << filters[1] << " " << filters[2] << " "
                  << filters[3] << " " << filters[4] << " " << filters[5]
        );
        REQUIRE(route(filters, topic) == expected);
    }
}

TEST_CASE("wrong topic filters are refused", "[inspect]") {
    for (const char* good : {"a", "/", "a//b", "+", "#", "+/a/#", "$SYS/#"})
        CHECK(check_topic_filter(good).ok());
    for (const char* bad : {"", "a/#/b", "a#", "a/b#", "a+", "+a/b", "##", "\xff", "$share/g/a"})
        CHECK_FALSE(check_topic_filter(bad).ok());
}

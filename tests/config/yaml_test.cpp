#include "config/yaml.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <random>
#include <string>

using namespace penstock;
using config::Origin;

namespace {

const config::Environment kNone = [](std::string_view) { return std::nullopt; };

std::shared_ptr<const config::Document> parse(const std::string& text, config::Problems& problems) {
    return config::parse_yaml(text, "p.yaml", kNone, problems);
}

std::string problems_of(const std::string& text) {
    config::Problems problems;
    parse(text, problems);
    return problems.text();
}

/// `line:column` of a path in a text.
std::string place_of(const std::string& text, const std::string& path, std::size_t offset = 0) {
    config::Problems problems;
    const auto document = parse(text, problems);
    REQUIRE(document);
    const auto place = Origin(document, document->root()).at(path, offset);
    return std::to_string(place.line) + ':' + std::to_string(place.column);
}

}  // namespace

TEST_CASE("yaml: broken syntax is a problem with a place", "[config]") {
    CHECK(problems_of("a: [1, 2\nb: 3\n").starts_with("p.yaml:2:2: not YAML: "));
    CHECK(problems_of("a: 'x\n") == "p.yaml:1:4: the quote ' is not closed\n");
    CHECK(problems_of("b: 1\na: \"x\\\"\n") == "p.yaml:2:4: the quote \" is not closed\n");
    CHECK(problems_of("a: 'it''s'\nb: \"q\\\"\"\n").empty());
    CHECK(problems_of("\tb: 1\n").starts_with("p.yaml:1:"));
}

TEST_CASE("yaml: what has no meaning here is refused by name", "[config]") {
    CHECK(
        problems_of("a: !!int 5\n") ==
        "p.yaml:1:4: tags such as 'tag:yaml.org,2002:int' have no meaning here\n"
    );
    CHECK(problems_of("a: !x {}\n") == "p.yaml:1:4: tags such as '!x' have no meaning here\n");
    CHECK(
        problems_of("a: &x { b: 1 }\nc:\n  <<: *x\n") ==
        "p.yaml:3:3: merge keys ('<<') are not supported: repeat the keys\n"
    );
    CHECK(
        problems_of("? [a]\n: 1\n") ==
        "p.yaml:1:3: a key must be a single value; is a bracket not closed?\n"
    );
    CHECK(
        problems_of("a: 1\n---\nb: 2\n") ==
        "p.yaml:2:1: a settings file holds one document; '---' begins a second one\n"
    );
    CHECK(
        problems_of("a: 1\nb: \xff\n") ==
        "p.yaml:2:1: the line holds bytes that are no UTF-8 text\n"
    );
}

TEST_CASE("yaml: aliases mean the value that they name", "[config]") {
    config::Problems problems;
    const auto document = parse("a: &x { b: 1 }\nc: *x\n", problems);
    REQUIRE(document);
    CHECK(document->root()->find("c")->value->find("b")->value->text == "1");
    CHECK(
        problems_of("a: &x [ *x ]\n") ==
        "p.yaml:1:9: an alias cannot stand inside of what it names\n"
    );
}

TEST_CASE("yaml: aliases that multiply are bounded", "[config]") {
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 10; ++i) {
        const std::string below = "*a" + std::to_string(i - 1);
        const std::string name = "a" + std::to_string(i);
        text += name + ": &" + name + " [" + below;
        for (int n = 0; n < 9; ++n)
            text += ", " + below;
        text += "]\n";
    }
    CHECK(problems_of(text).find("more than 100000 values") != std::string::npos);
}

TEST_CASE("yaml: depth and size are bounded", "[config]") {
    CHECK_FALSE(problems_of("a: " + std::string(20'000, '[')).empty());
    CHECK(
        problems_of("a: " + std::string(40, '[') + std::string(40, ']')) ==
        "p.yaml:1:35: nested deeper than 32 levels\n"
    );
    CHECK(problems_of("a: " + std::string(1 << 20, 'x')) == "p.yaml: larger than 1048576 bytes\n");
    std::string deep;
    for (int i = 0; i < 5'000; ++i)
        deep += std::string(static_cast<std::size_t>(i % 200), ' ') + "- \n";
    CHECK_FALSE(problems_of(deep).empty());
}

TEST_CASE("yaml: random bytes and broken settings never throw", "[config][fuzz]") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::string alphabet = "ab:- \n\t[]{},&*!|>'\"%@`#~?${}0123_\\\x01\xc3\xa9";
    for (int round = 0; round < 3'000; ++round) {
        std::string text;
        const std::size_t length = random() % 60;
        for (std::size_t i = 0; i < length; ++i)
            text += alphabet[random() % alphabet.size()];
        config::Problems problems;
        const auto document = parse(text, problems);
        CAPTURE(text);
        REQUIRE((document || !problems.ok()));
        if (document) static_cast<void>(Origin(document, document->root()).at("a.b[0]", 3));
    }
}

TEST_CASE("yaml: the place of a value is found by its path", "[config]") {
    const std::string text =
        "streams:\n"
        "  w:\n"
        "    topics: [\"a/b\", 'c']\n"
        "    fields: { heart.rate: { min: 2 } }\n"
        "    when: plain text\n";
    CHECK(place_of(text, "streams.w.topics[0]") == "3:14");
    CHECK(place_of(text, "streams.w.topics[1]") == "3:21");
    CHECK(place_of(text, "streams.w.fields.heart.rate.min") == "4:34");
    CHECK(place_of(text, "streams.w.fields.heart.rate") == "4:15");
    CHECK(place_of(text, "streams.w") == "2:3");
    CHECK(place_of(text, "streams.w.nothing.here") == "2:3");
    CHECK(place_of(text, "streams.w.topics[9]") == "3:5");
    CHECK(place_of(text, "streams.w.when", 6) == "5:17");
}

TEST_CASE("yaml: an offset inside a scalar follows quotes and escapes", "[config]") {
    CHECK(place_of("a: heartRate > 140\n", "a", 12) == "1:16");
    CHECK(place_of("a: \"heartRate > 140\"\n", "a", 12) == "1:17");
    CHECK(place_of("a: 'it''s x'\n", "a", 4) == "1:10");
    CHECK(place_of("a: \"\\\"b\\u00e9\\x41z\"\n", "a", 5) == "1:18");  // the z
    CHECK(place_of("a: \"\u00e9z\"\n", "a", 2) == "1:6");
    CHECK(place_of("a: |\n  block text\n", "a", 3) == "1:4");
    CHECK(place_of("a: one\n  two\n", "a", 5) == "1:4");
    CHECK(place_of("a: xyz\n", "a", 100) == "1:7");
}

TEST_CASE("yaml: an origin without a file has no line", "[config]") {
    CHECK(Origin().at("x").line == 0);
    CHECK(Origin().here().text() == "settings");
}

#include "inspect/text_marks.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace penstock::inspect {
namespace {

struct Seen {
    bool found = false;
    std::vector<std::uint16_t> ends;
    std::size_t quotes = 0;
    bool ascii = false;
    bool escapes = false;

    bool operator==(const Seen&) const = default;
};

template <class Find>
Seen seen(const std::string& text, Find find) {
    TextMarks marks;
    const std::string padded = text + std::string(64, '"');
    if (!(marks.*find)(std::string_view(padded).substr(0, text.size()))) return {};
    return {
        true,
        {marks.ends(), marks.ends() + marks.end_count()},
        marks.quotes(),
        marks.ascii(),
        marks.escapes()
    };
}

Seen best(const std::string& text) {
    return seen(text, &TextMarks::find);
}
Seen plain(const std::string& text) {
    return seen(text, &TextMarks::find_plain);
}

TEST_CASE("text marks: ends outside of strings, quotes that nothing escapes", "[inspect]") {
    const std::string text = R"({"a,}":[1,"\"]"],"b":2})";
    const Seen wanted{true, {9, 15, 16, 22}, 6, true, true};
    CHECK(best(text) == wanted);
    CHECK(plain(text) == wanted);
    CHECK(plain("{\"\xc3\xa9\":1}") == Seen{true, {7}, 2, false, false});
}

TEST_CASE("text marks: what is over a bound or not closed is not found", "[inspect]") {
    const std::string longest(TextMarks::kMaxSize, ' ');
    const std::string ends(TextMarks::kMaxEnds, ',');
    for (const auto find : {&best, &plain}) {
        CHECK(find(longest).found);
        CHECK_FALSE(find(longest + ' ').found);
        CHECK(find(ends).found);
        CHECK_FALSE(find(ends + ',').found);
        CHECK_FALSE(find(R"({"a":"b)").found);
        CHECK_FALSE(find("{\"a\x01\":1}").found);
    }
}

TEST_CASE("text marks: every processor finds the same", "[inspect]") {
    std::mt19937 random(GENERATE(range(1U, 41U)));
    constexpr std::string_view kBytes = "\"\"\\,}]{[:a1 \n\xc3\xa9";
    std::uniform_int_distribution<std::size_t> size(0, 300);
    std::uniform_int_distribution<std::size_t> pick(0, kBytes.size() - 1);
    for (int i = 0; i < 50; ++i) {
        std::string text(size(random), ' ');
        std::ranges::generate(text, [&] { return kBytes[pick(random)]; });
        INFO(text);
        CHECK(best(text) == plain(text));
    }
}

}  // namespace
}  // namespace penstock::inspect

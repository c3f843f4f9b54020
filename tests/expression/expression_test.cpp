#include "expression/parser.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace penstock::expression;

namespace {

/// A record for expressions: n = 10, zero = 0, s = "abc", yes = true; gone is missing, list is an
/// array.
Value run(const std::string& text) {
    const std::vector<std::string> names{
        "n", "zero", "s", "yes", "gone", "list", "a.b", "odd name"
    };
    Value list;
    list.present = true;
    const std::vector<Value> fields{
        Value::of(10.0),
        Value::of(0.0),
        Value::of(std::string_view("abc")),
        Value::of(true),
        Value{},
        list,
        Value::of(5.0),
        Value::of(6.0)
    };
    const FieldResolver resolve = [&](const std::string& name
                                  ) -> std::variant<std::uint16_t, std::string> {
        for (std::uint16_t i = 0; i < names.size(); ++i)
            if (names[i] == name) return i;
        return "unknown " + name;
    };
    const auto compiled = compile(text, resolve);
    INFO(text);
    if (const auto* error = std::get_if<ExpressionError>(&compiled)) FAIL(error->message);
    // The result may look into the program: keep its texts.
    static std::vector<Program> kept;
    kept.push_back(std::get<Program>(compiled));
    return kept.back().run(fields);
}

bool holds(const std::string& text) {
    const Value value = run(text);
    return value.kind == Value::Kind::boolean && value.truth;
}

double number(const std::string& text) {
    const Value value = run(text);
    return value.kind == Value::Kind::number ? value.number : -999;
}

std::string error(const std::string& text) {
    const auto compiled =
        compile(text, [](const std::string& name) -> std::variant<std::uint16_t, std::string> {
            if (name == "n") return std::uint16_t{0};
            return "no " + name;
        });
    const auto* wrong = std::get_if<ExpressionError>(&compiled);
    return wrong != nullptr ? std::to_string(wrong->offset) + " " + wrong->message : "";
}

bool missing(const std::string& text) {
    return run(text).kind == Value::Kind::missing;
}

}  // namespace

TEST_CASE("operators bind as in C, words as in Python", "[inspect][rules]") {
    CHECK(number("1 + 2 * 3 - 4 / 2") == 5);
    CHECK(number("(1 + 2) * 3 % 5") == 4);
    CHECK(number("-2 - -3") == 1);
    CHECK(number("10 - 3 - 2") == 5);
    CHECK(number(".5 + 1e2") == 100.5);
    CHECK(holds("n > 9 && n < 11 || n == 3"));
    CHECK(holds("1 > 2 && 1 > 2 || 3 > 2"));
    CHECK(holds("not n == 3 and yes"));
    CHECK(holds("!(n == 3)"));
    CHECK(holds("not not yes"));
    CHECK(holds("n >= 10 and n <= 10 and n != 11"));
    CHECK(holds("a.b == 5 and `odd name` == 6"));
    CHECK(holds("s == 'abc' and s != \"abd\" and s < 'b' and 'it\\'s' != s"));
}

TEST_CASE("comparisons with what is missing or of another kind do not hold", "[inspect][rules]") {
    for (const char* text :
         {"gone > 1",
          "gone < 1",
          "gone == 1",
          "gone != 1",
          "gone == gone",
          "1 == gone",
          "s > 1",
          "s < 1",
          "s == 10",
          "yes == 1",
          "yes > false",
          "list == 1",
          "n / zero > 1"}) {
        INFO(text);
        CHECK_FALSE(holds(text));
    }
    CHECK(holds("s != 10"));
    CHECK(holds("yes == true"));
    CHECK(holds("not gone"));
    CHECK(holds("not (gone > 1)"));
    CHECK(missing("gone + 1"));
    CHECK(missing("s + 1"));
    CHECK(missing("n / zero"));
    CHECK(missing("n % zero"));
    CHECK(missing("1e308 * 10"));
    CHECK(missing("sqrt(0 - 1)"));
    CHECK(missing("-gone"));
}

TEST_CASE("functions", "[inspect][rules]") {
    CHECK(number("abs(0 - n)") == 10);
    CHECK(number("min(n, 3, 7)") == 3);
    CHECK(number("max(n, 3, 17, 2)") == 17);
    CHECK(number("round(2.5) + floor(2.9) + ceil(2.1)") == 8);
    CHECK(number("sqrt(16)") == 4);
    CHECK(number("length('h\xc3\xa9')") == 2);
    CHECK(number("default(gone, 7)") == 7);
    CHECK(number("default(n, 7)") == 10);
    CHECK(number("if(n > 5, 1, 2)") == 1);
    CHECK(number("if(gone, 1, 2)") == 2);
    CHECK(holds("contains(s, 'b') and starts_with(s, 'ab') and ends_with(s, 'bc')"));
    CHECK_FALSE(holds("contains(gone, 'b') or contains(s, 'x')"));
    CHECK(holds("exists(n) and exists(list) and not exists(gone)"));
    CHECK(missing("min(n, gone)"));
}

TEST_CASE("what cannot be read is told with its place", "[inspect][rules]") {
    CHECK(error("n > ") == "4 the expression ends where a value must stand");
    CHECK(error("n = 3") == "2 write '==' to compare");
    CHECK(error("n & 3") == "2 write '&&' or 'and'");
    CHECK(error("n | 3") == "2 write '||' or 'or'");
    CHECK(error("n > 3 ?") == "6 this character has no meaning here");
    CHECK(error("(n > 3") == "6 the closing ')' is missing");
    CHECK(error("n > 3)") == "5 an operator is missing here");
    CHECK(error("n n") == "2 an operator is missing here");
    CHECK(error("1 < n < 3") == "6 comparisons cannot be chained; join them with 'and'");
    CHECK(error("n > 'x") == "4 the closing quote is missing");
    CHECK(error("abc > 3") == "0 no abc");
    CHECK(error("abz(n)") == "0 unknown function 'abz'; did you mean 'abs'?");
    CHECK(error("abs(n, 2)") == "0 'abs' takes 1 argument");
    CHECK(error("abs()") == "0 'abs' takes 1 argument");
    CHECK(error("min(n)") == "0 'min' takes 2 or more arguments");
    CHECK(error("if(n, 1)") == "0 'if' takes 3 arguments");
    CHECK(error("abs(n") == "5 a ',' or the closing ')' is missing");
    CHECK(error("3x") == "0 a number must be followed by an operator");
    CHECK(error("1.2.3") != "");
    CHECK(error("1e999") != "");
    CHECK(error("``") == "0 a name must not be empty");
    CHECK(error(", 3") == "0 a value must stand here");
}

TEST_CASE("expressions are bounded in text, nesting and length", "[inspect][rules]") {
    CHECK(error(std::string(5'000, ' ')) != "");
    CHECK(error(std::string(1'000, '(') + "n" + std::string(1'000, ')')) != "");
    CHECK(error(std::string(1'000, '-') + "n") != "");
    std::string sum = "n";
    for (int i = 0; i < 127; ++i)
        sum += "+n";
    CHECK(error(sum) == "");
    CHECK(error(sum + "+n") != "");
    std::string deep = "n";
    for (int i = 0; i < 28; ++i)
        deep = "1+(" + deep + ")";
    CHECK(error(deep).find("nested too deeply") != std::string::npos);
}

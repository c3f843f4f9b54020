// The expression language of derived fields and conditions.
#include "expression/parser.h"
#include "fuzz.h"

#include <array>
#include <cmath>
#include <variant>

namespace penstock::expression {
namespace {

using fuzz::claim;
using Kind = Value::Kind;

constexpr std::array<std::string_view, 6> kFields{"n", "m", "s", "b", "o.p", "gone"};

std::variant<std::uint16_t, std::string> resolve(const std::string& name) {
    for (std::size_t i = 0; i < kFields.size(); ++i)
        if (kFields[i] == name) return static_cast<std::uint16_t>(i);
    return "unknown field " + name;
}

std::array<Value, kFields.size()> values(fuzz::Input& input) {
    constexpr std::array kNumbers{0.0, -1.0, 1e308, 0.5, 140.0, -0.0, 4e-324, 3.0};
    std::array<Value, kFields.size()> made;
    made[0] = Value::of(kNumbers[input.choice(kNumbers.size())]);
    made[1] = Value::of(kNumbers[input.choice(kNumbers.size())]);
    if (input.flag()) made[2] = Value::of(std::string_view("texté"));
    made[3] = Value::of(input.flag());
    if (input.flag()) made[4] = Value::of(1.0);
    made[5].present = input.flag();
    return made;
}

void check(const Value& value) {
    claim(value.kind != Kind::number || std::isfinite(value.number), "numbers are finite");
    claim(
        value.kind != Kind::text || value.text.size() <= 4096, "texts are the ones that were there"
    );
}

bool same(const Value& a, const Value& b) {
    return a.kind == b.kind && a.truth == b.truth && a.number == b.number && a.text == b.text;
}

}  // namespace
}  // namespace penstock::expression

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock;
    using namespace penstock::expression;
    fuzz::Input input(data, size);
    const auto fields = values(input);
    const fuzz::Block block(input.text());
    auto compiled = compile(block.text(), resolve);
    if (const auto* error = std::get_if<ExpressionError>(&compiled)) {
        fuzz::claim(error->offset <= block.text().size(), "an error stands in the text");
        fuzz::claim(!error->message.empty(), "an error says what it is");
        return 0;
    }
    const Program program = std::get<Program>(compiled);  // a copy: its texts must live on
    compiled = ExpressionError{};
    const Value value = program.run(fields);
    check(value);
    const bool truth = value.kind == Value::Kind::boolean  ? value.truth
                       : value.kind == Value::Kind::number ? value.number != 0
                                                           : !value.text.empty();
    fuzz::claim(program.holds(fields) == truth, "a condition is the truth of its value");

    // Brackets around it change nothing, and take the long way where a comparison has a short one.
    const std::string wrapped = "if(true, (" + std::string(block.text()) + "), n)";
    auto again = compile(wrapped, resolve);
    if (const auto* longer = std::get_if<Program>(&again))
        fuzz::claim(same(longer->run(fields), value), "brackets change nothing");
    return 0;
}

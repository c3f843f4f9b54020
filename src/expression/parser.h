#pragma once

#include "expression/program.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

namespace penstock::expression {

/// What is wrong with an expression, and at which byte of it.
struct ExpressionError {
    std::size_t offset = 0;
    std::string message;
};

/// Gives a field name its slot, or says why it must not be used.
using FieldResolver =
    std::function<std::variant<std::uint16_t, std::string>(const std::string& name)>;

/// Compiles an expression over a record's fields.
///
///     expression  := or
///     or          := and (("||" | "or") and)*
///     and         := not (("&&" | "and") not)*
///     not         := "not" not | comparison
///     comparison  := sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)?
///     sum         := product (("+" | "-") product)*
///     product     := unary (("*" | "/" | "%") unary)*
///     unary       := ("-" | "!") unary | primary
///     primary     := number | text | "true" | "false" | field | function "(" arguments ")" | "("
///     expression ")"
///
/// Fields: `heartRate`, `position.lat`, `` `any name` ``. Texts: 'a' or "a".
/// Functions: abs min max (two or more) round floor ceil sqrt; length contains starts_with
/// ends_with of texts; exists(field); default(value, otherwise); if(condition, then, otherwise).
/// Bounds: 4 KiB of text, 32 levels, 256 operations.
[[nodiscard]] std::variant<Program, ExpressionError> compile(
    std::string_view text, const FieldResolver& resolve
);

}  // namespace penstock::expression

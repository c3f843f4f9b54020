#pragma once

#include "expression/value.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::expression {

/// One step of a compiled expression. `operand` is a field's slot or a constant's index.
struct Op {
    enum class Code : std::uint8_t {
        field,  // push
        constant,
        negate,  // of one value
        complement,
        exists,
        absolute,
        round,
        floor,
        ceil,
        sqrt,
        length,
        add,  // of two
        subtract,
        multiply,
        divide,
        modulo,
        less,
        less_equal,
        greater,
        greater_equal,
        equal,
        not_equal,
        both,
        either,
        smaller,
        larger,
        contains,
        starts_with,
        ends_with,
        fallback,
        choose,  // of three
    };
    Code code = Code::constant;
    std::uint16_t operand = 0;
};

/// How many values an operation takes from the stack; it leaves one.
[[nodiscard]] constexpr std::size_t inputs(Op::Code code) noexcept {
    if (code <= Op::Code::constant) return 0;
    if (code <= Op::Code::length) return 1;
    return code == Op::Code::choose ? 3 : 2;
}

/// A compiled expression: straight-line code for a stack, without jumps, so that it always ends,
/// after as many steps as it has operations.
///
/// Meaning. A comparison with a missing field is false, `!=` included; so is the order of different
/// kinds (values of different kinds are not equal). Arithmetic on anything but numbers, a division
/// by zero and an overflow give a missing value. As a condition, missing is false, a number is true
/// unless it is 0, a text unless it is empty.
/// Threads: immutable.
class Program {
public:
    static constexpr std::size_t kMaxOps = 256;
    static constexpr std::size_t kMaxStack = 32;

    /// Appends an operation. False when a bound above would be passed.
    [[nodiscard]] bool push(Op::Code code, std::uint16_t operand = 0);
    [[nodiscard]] bool push_constant(const Value& value);
    [[nodiscard]] bool push_text(std::string_view text);

    /// The result for these fields, indexed by slot. A text in it lives as long as the fields and
    /// the program do. Precondition: the program is complete (made by the parser).
    [[nodiscard]] Value run(std::span<const Value> fields) const noexcept;
    /// The result as a condition.
    [[nodiscard]] bool holds(std::span<const Value> fields) const noexcept;

private:
    [[nodiscard]] std::optional<bool> compare_with_constant(std::span<const Value> fields
    ) const noexcept;

    std::vector<Op> ops_;
    std::vector<Value> constants_;
    std::vector<std::shared_ptr<const std::string>>
        texts_;              // text constants look into them, copies of the program too
    std::size_t stack_ = 0;  // values on the stack behind the last operation
};

}  // namespace penstock::expression

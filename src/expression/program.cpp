#include "expression/program.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <new>

namespace penstock::expression {
namespace {

using Code = Op::Code;
using Kind = Value::Kind;

Value finite(double number) noexcept {
    return std::isfinite(number) ? Value::of(number) : Value{};
}

bool truth(const Value& value) noexcept {
    switch (value.kind) {
        case Kind::boolean:
            return value.truth;
        case Kind::number:
            return value.number != 0;
        case Kind::text:
            return !value.text.empty();
        case Kind::missing:
            break;
    }
    return false;
}

/// Characters, not bytes: all but the continuation bytes of UTF-8.
double characters(std::string_view text) noexcept {
    double count = 0;
    for (const char c : text)
        count += (static_cast<unsigned char>(c) & 0xc0U) != 0x80U ? 1 : 0;
    return count;
}

Value unary(Code code, const Value& a) noexcept {
    if (code == Code::complement) return Value::of(!truth(a));
    if (code == Code::exists) return Value::of(a.present);
    if (code == Code::length) return a.kind == Kind::text ? Value::of(characters(a.text)) : Value{};
    if (a.kind != Kind::number) return {};
    switch (code) {
        case Code::negate:
            return Value::of(-a.number);
        case Code::absolute:
            return Value::of(std::abs(a.number));
        case Code::round:
            return Value::of(std::round(a.number));
        case Code::floor:
            return Value::of(std::floor(a.number));
        case Code::ceil:
            return Value::of(std::ceil(a.number));
        default:
            return finite(std::sqrt(a.number));
    }
}

Value arithmetic(Code code, double a, double b) noexcept {
    switch (code) {
        case Code::add:
            return finite(a + b);
        case Code::subtract:
            return finite(a - b);
        case Code::multiply:
            return finite(a * b);
        case Code::divide:
            return finite(a / b);
        case Code::modulo:
            return finite(std::fmod(a, b));
        case Code::smaller:
            return Value::of(a < b ? a : b);
        default:
            return Value::of(a > b ? a : b);
    }
}

Value text_test(Code code, std::string_view a, std::string_view b) noexcept {
    switch (code) {
        case Code::contains:
            return Value::of(a.find(b) != std::string_view::npos);
        case Code::starts_with:
            return Value::of(a.starts_with(b));
        default:
            return Value::of(a.ends_with(b));
    }
}

template <class T>
bool ordered(Code code, const T& a, const T& b) noexcept {
    switch (code) {
        case Code::less:
            return a < b;
        case Code::less_equal:
            return a <= b;
        case Code::greater:
            return a > b;
        default:
            return a >= b;
    }
}

bool equal(const Value& a, const Value& b) noexcept {
    if (a.kind != b.kind) return false;
    if (a.kind == Kind::number) return a.number == b.number;
    return a.kind == Kind::text ? a.text == b.text : a.truth == b.truth;
}

bool compare(Code code, const Value& a, const Value& b) noexcept {
    if (a.kind == Kind::missing || b.kind == Kind::missing) return false;
    if (code == Code::equal) return equal(a, b);
    if (code == Code::not_equal) return !equal(a, b);
    if (a.kind != b.kind || a.kind == Kind::boolean) return false;
    return a.kind == Kind::number ? ordered(code, a.number, b.number)
                                  : ordered(code, a.text, b.text);
}

Value binary(Code code, const Value& a, const Value& b) noexcept {
    if (code >= Code::less && code <= Code::not_equal) return Value::of(compare(code, a, b));
    switch (code) {
        case Code::both:
            return Value::of(truth(a) && truth(b));
        case Code::either:
            return Value::of(truth(a) || truth(b));
        case Code::fallback:
            return a.kind != Kind::missing ? a : b;
        case Code::contains:
        case Code::starts_with:
        case Code::ends_with:
            if (a.kind != Kind::text || b.kind != Kind::text) return Value::of(false);
            return text_test(code, a.text, b.text);
        default:
            break;
    }
    if (a.kind != Kind::number || b.kind != Kind::number) return {};
    return arithmetic(code, a.number, b.number);
}

}  // namespace

bool Program::push(Op::Code code, std::uint16_t operand) {
    stack_ = stack_ + 1 - inputs(code);
    if (ops_.size() == kMaxOps || stack_ > kMaxStack) return false;
    ops_.push_back({code, operand});
    return true;
}

bool Program::push_constant(const Value& value) {
    constants_.push_back(value);
    return push(Code::constant, static_cast<std::uint16_t>(constants_.size() - 1));
}

bool Program::push_text(std::string_view text) {
    texts_.push_back(std::make_shared<const std::string>(text));
    return push_constant(Value::of(std::string_view(*texts_.back())));
}

Value Program::run(std::span<const Value> fields) const noexcept {
    if (const auto simple = compare_with_constant(fields)) return Value::of(*simple);
    // Not initialised: a stack of values would cost more to clear than most expressions to run.
    alignas(Value) std::array<std::byte, kMaxStack * sizeof(Value)> memory;
    auto* const stack = reinterpret_cast<Value*>(memory.data());
    std::size_t size = 0;
    for (const Op op : ops_) {
        switch (inputs(op.code)) {
            case 0:
                new (stack + size++)
                    Value(op.code == Code::field ? fields[op.operand] : constants_[op.operand]);
                break;
            case 1:
                stack[size - 1] = unary(op.code, stack[size - 1]);
                break;
            case 2:
                --size;
                stack[size - 1] = binary(op.code, stack[size - 1], stack[size]);
                break;
            default:
                size -= 2;
                stack[size - 1] = truth(stack[size - 1]) ? stack[size] : stack[size + 1];
        }
    }
    return stack[0];
}

/// `field < constant` and its like, with numbers: what most conditions are.
std::optional<bool> Program::compare_with_constant(std::span<const Value> fields) const noexcept {
    if (ops_.size() != 3 || ops_[0].code != Code::field || ops_[1].code != Code::constant)
        return {};
    const Value& field = fields[ops_[0].operand];
    const Value& constant = constants_[ops_[1].operand];
    if (field.kind != Kind::number || constant.kind != Kind::number) return {};
    switch (ops_[2].code) {
        case Code::less:
        case Code::less_equal:
        case Code::greater:
        case Code::greater_equal:
            return ordered(ops_[2].code, field.number, constant.number);
        default:
            return {};
    }
}

bool Program::holds(std::span<const Value> fields) const noexcept {
    return truth(run(fields));
}

}  // namespace penstock::expression

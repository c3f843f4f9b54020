#include "expression/parser.h"

#include "config/problem.h"
#include "expression/lexer.h"

#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace penstock::expression {
namespace {

using Code = Op::Code;

constexpr std::size_t kMaxText = 4096;
constexpr std::size_t kMaxLevels = 32;

/// How tightly an operator holds what is left and right of it.
enum Binding : std::uint8_t { none, any, all, negation, comparison, sum, product, sign };

struct Infix {
    Binding binding = Binding::none;
    Code code = Code::add;
};

Infix infix(TokenKind kind) noexcept {
    switch (kind) {
        case TokenKind::logical_or:
            return {Binding::any, Code::either};
        case TokenKind::logical_and:
            return {Binding::all, Code::both};
        case TokenKind::less:
            return {Binding::comparison, Code::less};
        case TokenKind::less_equal:
            return {Binding::comparison, Code::less_equal};
        case TokenKind::greater:
            return {Binding::comparison, Code::greater};
        case TokenKind::greater_equal:
            return {Binding::comparison, Code::greater_equal};
        case TokenKind::equal:
            return {Binding::comparison, Code::equal};
        case TokenKind::not_equal:
            return {Binding::comparison, Code::not_equal};
        case TokenKind::plus:
            return {Binding::sum, Code::add};
        case TokenKind::minus:
            return {Binding::sum, Code::subtract};
        case TokenKind::times:
            return {Binding::product, Code::multiply};
        case TokenKind::divide:
            return {Binding::product, Code::divide};
        case TokenKind::modulo:
            return {Binding::product, Code::modulo};
        default:
            return {};
    }
}

struct Function {
    std::string_view name;
    Code code;
    bool chained = false;  // takes more arguments, two by two
};

constexpr std::array<Function, 14> kFunctions{{
    {"abs", Code::absolute},
    {"min", Code::smaller, true},
    {"max", Code::larger, true},
    {"round", Code::round},
    {"floor", Code::floor},
    {"ceil", Code::ceil},
    {"sqrt", Code::sqrt},
    {"length", Code::length},
    {"contains", Code::contains},
    {"starts_with", Code::starts_with},
    {"ends_with", Code::ends_with},
    {"exists", Code::exists},
    {"default", Code::fallback},
    {"if", Code::choose},
}};

/// A Pratt parser that writes stack code as it goes. The first fault is kept and ends everything.
/// Threads: one.
class Parser {
public:
    Parser(std::string_view text, const FieldResolver& resolve) : lexer_(text), resolve_(resolve) {
        advance();
    }

    std::variant<Program, ExpressionError> whole() {
        expression(Binding::none);
        if (!error_ && token_.kind != TokenKind::end) {
            fail(
                infix(token_.kind).binding == Binding::comparison
                    ? "comparisons cannot be chained; join them with 'and'"
                    : "an operator is missing here"
            );
        }
        if (error_) return std::move(*error_);
        return std::move(program_);
    }

private:
    void advance() {
        token_ = lexer_.next();
        if (token_.kind == TokenKind::wrong) fail(token_.text);
    }

    void fail(std::string message) { fail_at(token_.offset, std::move(message)); }
    void fail_at(std::size_t offset, std::string message) {
        if (!error_) error_ = ExpressionError{offset, std::move(message)};
    }

    void emit(bool fits) {
        if (!fits) fail("the expression is too long");
    }

    void expression(Binding floor) {
        if (++levels_ > kMaxLevels) fail("the expression is nested too deeply");
        if (!error_) prefix();
        while (!error_) {
            const Infix next = infix(token_.kind);
            if (next.binding <= floor) break;
            advance();
            expression(next.binding);
            if (!error_) emit(program_.push(next.code));
            // a < b < c compares a truth value with c: never what was meant.
            if (next.binding == Binding::comparison &&
                infix(token_.kind).binding == Binding::comparison)
                fail("comparisons cannot be chained; join them with 'and'");
        }
        --levels_;
    }

    void prefix() {
        const Token token = std::move(token_);
        advance();
        if (error_) return;
        switch (token.kind) {
            case TokenKind::number:
                return emit(program_.push_constant(Value::of(token.number)));
            case TokenKind::text:
                return emit(program_.push_text(token.text));
            case TokenKind::yes:
            case TokenKind::no:
                return emit(program_.push_constant(Value::of(token.kind == TokenKind::yes)));
            case TokenKind::minus:
                return apply(Binding::sign, Code::negate);
            case TokenKind::bang:
                return apply(Binding::sign, Code::complement);
            case TokenKind::logical_not:
                return apply(Binding::negation, Code::complement);
            case TokenKind::open:
                expression(Binding::none);
                return expect(TokenKind::close, "the closing ')' is missing");
            case TokenKind::name:
                return !token.quoted && token_.kind == TokenKind::open ? call(token) : field(token);
            case TokenKind::end:
                return fail_at(token.offset, "the expression ends where a value must stand");
            default:
                return fail_at(token.offset, "a value must stand here");
        }
    }

    void apply(Binding binding, Code code) {
        expression(binding);
        if (!error_) emit(program_.push(code));
    }

    void expect(TokenKind kind, const char* otherwise) {
        if (error_) return;
        if (token_.kind != kind) return fail(otherwise);
        advance();
    }

    void field(const Token& token) {
        auto resolved = resolve_(token.text);
        if (auto* message = std::get_if<std::string>(&resolved))
            return fail_at(token.offset, std::move(*message));
        emit(program_.push(Code::field, std::get<std::uint16_t>(resolved)));
    }

    void call(const Token& name) {
        const Function* function = nullptr;
        for (const Function& candidate : kFunctions) {
            if (candidate.name == name.text) function = &candidate;
        }
        if (function == nullptr) return fail_at(name.offset, unknown_function(name.text));
        advance();
        const std::size_t wanted = inputs(function->code);
        std::size_t count = 0;
        if (token_.kind != TokenKind::close) {
            do {
                if (count > 0) advance();
                expression(Binding::none);
                if (!error_ && ++count > wanted && function->chained)
                    emit(program_.push(function->code));
            } while (!error_ && token_.kind == TokenKind::comma);
        }
        expect(TokenKind::close, "a ',' or the closing ')' is missing");
        if (error_) return;
        if (count < wanted || (count > wanted && !function->chained)) {
            return fail_at(
                name.offset,
                "'" + name.text + "' takes " + std::to_string(wanted) +
                    (function->chained ? " or more arguments"
                     : wanted == 1     ? " argument"
                                       : " arguments")
            );
        }
        emit(program_.push(function->code));
    }

    static std::string unknown_function(const std::string& name) {
        std::vector<std::string> known;
        for (const Function& function : kFunctions)
            known.emplace_back(function.name);
        return "unknown function " + config::quoted(name) + config::suggestion(name, known);
    }

    Lexer lexer_;
    const FieldResolver& resolve_;
    Token token_;
    Program program_;
    std::optional<ExpressionError> error_;
    std::size_t levels_ = 0;
};

}  // namespace

std::variant<Program, ExpressionError> compile(
    std::string_view text, const FieldResolver& resolve
) {
    if (text.size() > kMaxText)
        return ExpressionError{0, "the expression is longer than 4096 bytes"};
    return Parser(text, resolve).whole();
}

}  // namespace penstock::expression

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::expression {

/// What an expression is made of.
enum class TokenKind : std::uint8_t {
    end,
    number,
    text,   // 'in single' or "in double quotes"; \ escapes the next character
    name,   // a field or function: letters, digits, _ and . after a letter or _; or anything in
            // `backticks`
    open,   // (
    close,  // )
    comma,
    plus,
    minus,
    times,
    divide,
    modulo,
    less,
    less_equal,
    greater,
    greater_equal,
    equal,        // ==
    not_equal,    // !=
    logical_and,  // && and
    logical_or,   // || or
    bang,         // !
    logical_not,  // not
    yes,          // true
    no,           // false
    wrong,        // `text` says what
};

struct Token {
    TokenKind kind = TokenKind::end;
    std::size_t offset = 0;  // in bytes, of its first character
    std::string text;        // of a name or text, without quotes; of a fault, the sentence
    double number = 0;
    bool quoted = false;  // a name in backticks: never a word of the language
};

/// Cuts an expression into tokens.
/// Threads: one. The text must outlive it.
class Lexer {
public:
    explicit Lexer(std::string_view text) noexcept : text_(text) {}
    /// The next token; `end` for ever at the end.
    [[nodiscard]] Token next();

private:
    [[nodiscard]] char at(std::size_t i) const noexcept {
        return i < text_.size() ? text_[i] : '\0';
    }
    Token number();
    Token name();
    Token quoted(char quote, TokenKind kind);
    Token symbol();
    [[nodiscard]] Token wrong(std::string sentence) const;

    std::string_view text_;
    std::size_t position_ = 0;
    std::size_t begin_ = 0;
};

}  // namespace penstock::expression

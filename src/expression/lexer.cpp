#include "expression/lexer.h"

#include <array>
#include <charconv>
#include <utility>

namespace penstock::expression {
namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// Letters of any language: all bytes of UTF-8 beyond ASCII count.
bool begins_name(char c) noexcept {
    const char lower = static_cast<char>(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

constexpr std::array<std::pair<std::string_view, TokenKind>, 5> kWords{{
    {"and", TokenKind::logical_and},
    {"or", TokenKind::logical_or},
    {"not", TokenKind::logical_not},
    {"true", TokenKind::yes},
    {"false", TokenKind::no},
}};

/// Longer ones first.
constexpr std::array<std::pair<std::string_view, TokenKind>, 17> kSymbols{{
    {"<=", TokenKind::less_equal},
    {">=", TokenKind::greater_equal},
    {"==", TokenKind::equal},
    {"!=", TokenKind::not_equal},
    {"&&", TokenKind::logical_and},
    {"||", TokenKind::logical_or},
    {"<", TokenKind::less},
    {">", TokenKind::greater},
    {"!", TokenKind::bang},
    {"(", TokenKind::open},
    {")", TokenKind::close},
    {",", TokenKind::comma},
    {"+", TokenKind::plus},
    {"-", TokenKind::minus},
    {"*", TokenKind::times},
    {"/", TokenKind::divide},
    {"%", TokenKind::modulo},
}};

}  // namespace

Token Lexer::next() {
    while (at(position_) == ' ' || at(position_) == '\t' || at(position_) == '\n' ||
           at(position_) == '\r')
        ++position_;
    begin_ = position_;
    if (position_ >= text_.size()) return {TokenKind::end, begin_, {}, 0, false};
    const char c = at(position_);
    if (is_digit(c) || (c == '.' && is_digit(at(position_ + 1)))) return number();
    if (begins_name(c)) return name();
    if (c == '\'' || c == '"') return quoted(c, TokenKind::text);
    if (c == '`') return quoted(c, TokenKind::name);
    return symbol();
}

Token Lexer::number() {
    Token token{TokenKind::number, begin_, {}, 0, false};
    const char* const first = text_.data() + begin_;
    const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), token.number);
    if (error != std::errc{}) return wrong("this number is beyond the range of a 64-bit float");
    position_ = static_cast<std::size_t>(end - text_.data());
    if (begins_name(at(position_)) || at(position_) == '.')
        return wrong("a number must be followed by an operator");
    return token;
}

Token Lexer::name() {
    while (begins_name(at(position_)) || is_digit(at(position_)) ||
           (at(position_) == '.' && begins_name(at(position_ + 1))))
        ++position_;
    Token token{
        TokenKind::name, begin_, std::string(text_.substr(begin_, position_ - begin_)), 0, false
    };
    for (const auto& [word, kind] : kWords) {
        if (token.text == word) token.kind = kind;
    }
    return token;
}

Token Lexer::quoted(char quote, TokenKind kind) {
    Token token{kind, begin_, {}, 0, true};
    for (++position_; position_ < text_.size(); ++position_) {
        char c = at(position_);
        if (c == quote) {
            ++position_;
            if (kind == TokenKind::name && token.text.empty())
                return wrong("a name must not be empty");
            return token;
        }
        if (c == '\\') {
            c = at(++position_);
            if (c == 'n') c = '\n';
            if (c == 't') c = '\t';
        }
        token.text += c;
    }
    return wrong("the closing quote is missing");
}

Token Lexer::symbol() {
    const std::string_view rest = text_.substr(position_);
    for (const auto& [word, kind] : kSymbols) {
        if (!rest.starts_with(word)) continue;
        position_ += word.size();
        return {kind, begin_, std::string(word), 0, false};
    }
    switch (rest.front()) {
        case '=':
            return wrong("write '==' to compare");
        case '&':
            return wrong("write '&&' or 'and'");
        case '|':
            return wrong("write '||' or 'or'");
        default:
            return wrong("this character has no meaning here");
    }
}

Token Lexer::wrong(std::string sentence) const {
    return {TokenKind::wrong, begin_, std::move(sentence), 0, false};
}

}  // namespace penstock::expression

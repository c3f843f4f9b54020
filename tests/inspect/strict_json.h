#pragma once

#include <cmath>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

namespace penstock::inspect {

/// A second, slow and simple reader of RFC 8259 to judge the fast one by: recursive, a character at
/// a time, straight from the grammar; with the rules that we add (root is an object, unique keys,
/// no lone surrogates, numbers in the range of a double, 64 levels). UTF-8 is not its business.
class StrictJson {
public:
    static bool takes(std::string_view text) {
        StrictJson reader(text);
        reader.blanks();
        if (reader.peek() != '{' || !reader.value(1)) return false;
        reader.blanks();
        return reader.at_ == text.size();
    }

private:
    explicit StrictJson(std::string_view text) : text_(text) {}

    [[nodiscard]] int peek() const {
        return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1;
    }
    bool take(char c) {
        if (peek() != static_cast<unsigned char>(c)) return false;
        ++at_;
        return true;
    }
    bool word(std::string_view expected) {
        if (text_.substr(at_, expected.size()) != expected) return false;
        at_ += expected.size();
        return true;
    }
    void blanks() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')
            ++at_;
    }
    [[nodiscard]] bool digit() const { return peek() >= '0' && peek() <= '9'; }
    bool digits() {
        if (!digit()) return false;
        while (digit())
            ++at_;
        return true;
    }

    bool number() {
        const std::size_t begin = at_;
        take('-');
        if (!take('0') && !digits()) return false;
        if (take('.') && !digits()) return false;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!digits()) return false;
        }
        const std::string token(text_.substr(begin, at_ - begin));
        return std::isfinite(std::strtod(token.c_str(), nullptr));
    }

    bool unit(unsigned& value) {
        value = 0;
        for (int i = 0; i < 4; ++i) {
            const int c = peek();
            if (c < 0 || std::isxdigit(c) == 0) return false;
            value = value * 16 + static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
            ++at_;
        }
        return true;
    }

    /// The string's characters, escapes as a code point behind a byte that occurs nowhere else.
    bool string(std::string& out) {
        if (!take('"')) return false;
        while (!take('"')) {
            const int c = peek();
            if (c < 0x20) return false;
            ++at_;
            if (c != '\\') {
                out += static_cast<char>(c);
                continue;
            }
            const int escape = peek();
            ++at_;
            static constexpr std::string_view kFrom = "\"\\/bfnrt";
            static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
            if (escape > 0 && kFrom.find(static_cast<char>(escape)) != std::string_view::npos) {
                out += kTo[kFrom.find(static_cast<char>(escape))];
                continue;
            }
            unsigned high = 0;
            if (escape != 'u' || !unit(high)) return false;
            if (high >= 0xdc00 && high < 0xe000) return false;
            if (high >= 0xd800 && high < 0xdc00) {
                unsigned low = 0;
                if (!word("\\u") || !unit(low) || low < 0xdc00 || low >= 0xe000) return false;
                out += "\xff" + std::to_string(high) + "," + std::to_string(low);
            } else if (high < 0x80) {
                out += static_cast<char>(high);
            } else if (high < 0x800) {
                out += static_cast<char>(0xc0U | (high >> 6U));
                out += static_cast<char>(0x80U | (high & 0x3fU));
            } else {
                out += "\xff" + std::to_string(high);
            }
        }
        return true;
    }

    bool object(int level) {
        std::set<std::string> keys;
        blanks();
        if (take('}')) return true;
        do {
            blanks();
            std::string key;
            if (!string(key) || !keys.insert(key).second) return false;
            blanks();
            if (!take(':') || !value(level + 1)) return false;
            blanks();
        } while (take(','));
        return take('}');
    }

    bool array(int level) {
        blanks();
        if (take(']')) return true;
        do {
            if (!value(level + 1)) return false;
            blanks();
        } while (take(','));
        return take(']');
    }

    bool value(int level) {
        blanks();
        std::string ignored;
        switch (peek()) {
            case '{':
                ++at_;
                return level <= 64 && object(level);
            case '[':
                ++at_;
                return level <= 64 && array(level);
            case '"':
                return string(ignored);
            case 't':
                return word("true");
            case 'f':
                return word("false");
            case 'n':
                return word("null");
            default:
                return number();
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace penstock::inspect

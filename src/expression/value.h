#pragma once

#include <cstdint>
#include <string_view>

namespace penstock::expression {

/// What a field or an expression is while a record is inspected. Texts live as long as the record's
/// inspection.
struct Value {
    enum class Kind : std::uint8_t {
        missing,  // the field is absent, null, an array or an object; or the result is not defined
        boolean,
        number,  // always finite
        text,
    };
    Kind kind = Kind::missing;
    bool truth = false;  // of a boolean
    double number = 0;   // of a number
    std::string_view text;
    bool present = false;  // the field is there and not null, whatever it is: what exists() asks

    static Value of(bool b) noexcept { return {Kind::boolean, b, 0, {}, true}; }
    static Value of(double n) noexcept { return {Kind::number, false, n, {}, true}; }
    static Value of(std::string_view t) noexcept { return {Kind::text, false, 0, t, true}; }
};

}  // namespace penstock::expression

#include "base/json_text.h"

#include <catch2/catch.hpp>

#include <limits>

namespace penstock {
namespace {

std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(text, out);
    return out;
}

template <class T>
std::string printed(T value) {
    std::string out;
    append_json_number(value, out);
    return out;
}

}  // namespace

TEST_CASE("json text: control characters, quotes and backslashes are escaped", "[base][json]") {
    CHECK(quoted("a\"b\\c\n\r\t\x01\x7f") == R"("a\"b\\c\n\r\t\u0001\u007f")");
    CHECK(quoted(std::string_view("\0", 1)) == R"("\u0000")");
}

TEST_CASE(
    "json text: what turns text around or ends a line elsewhere is escaped", "[base][json][A13]"
) {
    CHECK(quoted("\u202e\u2028\u2066\ufeff\u0085") == R"("\u202e\u2028\u2066\ufeff\u0085")");
}

TEST_CASE("json text: other characters stay as they are", "[base][json]") {
    CHECK(quoted("h\u00e9\u4e2d\U0001f600") == "\"h\u00e9\u4e2d\U0001f600\"");
}

TEST_CASE("json text: bytes that are no UTF-8 become replacement characters", "[base][json]") {
    CHECK(quoted("a\xff\xc0\xaf\xed\xa0\x80z") == "\"a\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdz\"");
    CHECK(quoted("\xe2\x82") == "\"\ufffd\ufffd\"");
}

TEST_CASE("json text: UTF-8 is checked for overlong forms, surrogates and range", "[base][json]") {
    CHECK(valid_utf8("plain h\u00e9 \U0010ffff"));
    for (const auto* bad :
         {"\xc0\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5", "\x80", "\xe2\x82"
         })
        CHECK_FALSE(valid_utf8(bad));
}

TEST_CASE("json text: numbers read back as they were", "[base][json]") {
    CHECK(printed(0.1) == "0.1");
    CHECK(printed(1e300) == "1e+300");
    CHECK(printed(std::numeric_limits<double>::infinity()) == "null");
    CHECK(printed(std::uint64_t{18446744073709551615U}) == "18446744073709551615");
    CHECK(printed(std::int64_t{-5}) == "-5");
}

}  // namespace penstock

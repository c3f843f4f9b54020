#include "base/text.h"

#include <catch2/catch.hpp>

#include <string>

using namespace penstock;

namespace {

std::string encoded(std::string_view in) {
    std::string out;
    text::append_percent_encoded(out, in);
    return out;
}

std::string component(std::string_view in, std::size_t bytes_max = 80) {
    std::string out;
    text::append_path_component(out, in, bytes_max);
    return out;
}

}  // namespace

TEST_CASE("text: a cut never splits a character", "[text]") {
    CHECK(text::cut("abc", 3) == "abc");
    CHECK(text::cut("a\u20ac", 3) == "a");
    CHECK(text::cut("a\u20ac", 4) == "a\u20ac");
    CHECK(text::cut("\U0001F600x", 3).empty());
    CHECK(text::cut("\x80\x80\x80\x80\x80", 4).size() == 1);  // no text, still bounded
}

TEST_CASE("text: percent-encoding keeps only unreserved bytes and comes back", "[text]") {
    CHECK(encoded("a-Z_0.~") == "a-Z_0.~");
    CHECK(encoded("a/b c=\u00e9\n") == "a%2Fb%20c%3D%C3%A9%0A");
    CHECK(text::percent_decoded("a%2Fb%20c+").value() == "a/b c+");
    CHECK_FALSE(text::percent_decoded("%2").has_value());
    CHECK_FALSE(text::percent_decoded("%zz").has_value());
}

TEST_CASE("text: no path component climbs out of its folder", "[text]") {
    CHECK(component("..") == "%2E%2E");
    CHECK(component(".") == "%2E");
    CHECK(component("") == "%00");
    CHECK(component("../x") == "..%2Fx");
    CHECK(component("a\\b") == "a%5Cb");
}

TEST_CASE("text: long path components are cut and stay different", "[text]") {
    const std::string a = component(std::string(100, 'a') + "1", 20);
    const std::string b = component(std::string(100, 'a') + "2", 20);
    CHECK(a.size() == 37);
    CHECK(a != b);
    CHECK(a.substr(0, 21) == b.substr(0, 21));
}

TEST_CASE("text: numbers are read as a whole or not at all", "[text]") {
    CHECK(text::parse_int("-12").value() == -12);
    CHECK_FALSE(text::parse_int("12 ").has_value());
    CHECK_FALSE(text::parse_int("").has_value());
    CHECK_FALSE(text::parse_int("9223372036854775808").has_value());
    CHECK(text::parse_uint("18446744073709551615").value() == ~0ULL);
    CHECK_FALSE(text::parse_uint("-1").has_value());
    CHECK(text::parse_double("1e3").value() == 1000.0);
    CHECK_FALSE(text::parse_double("1e400").has_value());
    CHECK_FALSE(text::parse_double("nan").has_value());
    CHECK_FALSE(text::parse_double("inf").has_value());
    CHECK(text::shortest(0.1) == "0.1");
}

TEST_CASE("text: bytes as hexadecimal digits", "[text]") {
    std::string out;
    text::append_hex(out, std::string_view("\x00\xff\x1a", 3));
    CHECK(out == "00ff1a");
}

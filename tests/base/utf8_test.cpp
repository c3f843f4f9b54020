#include "base/utf8.h"

#include <catch2/catch.hpp>

#include <string>

using namespace penstock;
using std::string_literals::operator""s;
using text::Text;

TEST_CASE(
    "texts are told clean from unusual from malformed",
    "[text][utf8][M09][MQTT-1.5.4-1][MQTT-1.5.4-2]"
) {
    for (const auto& clean : {""s, "abc"s, "eight by"s, "naïve – ☃ 😀"s, std::string(100, '~')}) {
        CHECK(text::classify_utf8(clean) == Text::clean);
    }
    for (const auto& unusual :
         {"\t"s,
          "1234567\n"s,
          "\x7f"s,
          "\xc2\x85"s,
          "\xef\xbf\xbe"s,
          "\xef\xb7\x90"s,
          "\xf0\x9f\xbf\xbf"s}) {
        INFO(unusual);
        CHECK(text::classify_utf8(unusual) == Text::unusual);
    }
    for (const auto& bad :
         {"\0"s,
          "1234567\0"s,
          "\x80"s,
          "\xc1\x81"s,
          "\xe0\x80\x80"s,
          "\xed\xbf\xbf"s,
          "\xf0\x80\x80\x80"s,
          "\xf4\x90\x80\x80"s,
          "\xff"s,
          "ab\xe2\x98"s}) {
        CHECK(text::classify_utf8(bad) == Text::malformed);
    }
}

TEST_CASE("every character alone is classified as at the end of a word of eight", "[text][utf8]") {
    for (int c = 0; c < 256; ++c) {
        const std::string one(1, static_cast<char>(c));
        const Text expected = c == 0 || c >= 0x80     ? Text::malformed
                              : c < 0x20 || c == 0x7f ? Text::unusual
                                                      : Text::clean;
        CHECK(text::classify_utf8(one) == expected);
        for (int at = 0; at < 8; ++at) {
            std::string eight(8, 'a');
            eight[static_cast<std::size_t>(at)] = one[0];
            CHECK(text::classify_utf8(eight) == expected);
        }
    }
}

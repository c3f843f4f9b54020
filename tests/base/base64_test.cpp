#include "base/base64.h"

#include <catch2/catch.hpp>

namespace penstock {
namespace {

std::string encoded(std::string_view bytes) {
    std::string out;
    append_base64(bytes, out);
    return out;
}

}  // namespace

TEST_CASE("base64: the vectors of RFC 4648", "[base][base64]") {
    CHECK(encoded("").empty());
    CHECK(encoded("f") == "Zg==");
    CHECK(encoded("fo") == "Zm8=");
    CHECK(encoded("foo") == "Zm9v");
    CHECK(encoded("foobar") == "Zm9vYmFy");
}

TEST_CASE("base64: every byte comes back, with and without padding", "[base][base64]") {
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        bytes += static_cast<char>(i);
        auto text = encoded(bytes);
        CHECK(base64_decoded(text) == bytes);
        while (text.ends_with('='))
            text.pop_back();
        CHECK(base64_decoded(text) == bytes);
    }
}

TEST_CASE("base64: what is not base64 is nothing", "[base][base64]") {
    for (const auto* bad :
         {"Z", "Zg=", "Zg===", "====", "=", "Z===", "Zh==", "Zm9=", "Zm-_", "Zm9v\n", " Zg=="})
        CHECK_FALSE(base64_decoded(bad));
    CHECK(base64_decoded("") == "");
}

}  // namespace penstock

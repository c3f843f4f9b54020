#include "app/release.h"

#include <catch2/catch.hpp>

using namespace penstock::app;

TEST_CASE("release: versions compare number by number", "[app]") {
    CHECK(*parse_release("0.9.0") < *parse_release("0.10.0"));
    CHECK(*parse_release("1.0.0") > *parse_release("0.99.99"));
    CHECK(*parse_release("1.2.3") == Release{1, 2, 3});
}

TEST_CASE("release: what is no version is refused", "[app]") {
    for (const char* wrong :
         {"", "1", "1.2", "1.2.", "1.2.3.4", "v1.2.3", "1.-2.3", "1.2.x", ".1.2", "1..2"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_release(wrong));
    }
}

TEST_CASE("release: this program has one", "[app]") {
    CHECK(this_release() > Release{});
}

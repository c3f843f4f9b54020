#include "config/schema.h"

#include "sample.h"

#include <catch2/catch.hpp>

#include <string>

using namespace penstock;
using config::SchemaFor;

namespace {

/// That it means what it should, a real validator says: tests/scenario/config_test.py.
bool says(const std::string& part, SchemaFor use = SchemaFor::whole_file) {
    const auto text = config::json_schema(config::table_of<sample::Settings>(), use);
    INFO(text);
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("schema: tables refuse unknown keys", "[config][schema]") {
    CHECK(says(R"("journal":{"type":["object","null"],"additionalProperties":false)"));
}

TEST_CASE("schema: bounds of numbers come from rule and type", "[config][schema]") {
    CHECK(says(R"({"type":"integer","minimum":1,"maximum":65535})"));
    CHECK(says(R"({"type":"integer","minimum":-2147483648,"maximum":2147483647})"));
}

TEST_CASE("schema: words, defaults and meanings are there", "[config][schema]") {
    CHECK(says(R"({"enum":["auto","uring","sync"]})"));
    CHECK(says(R"("default":"64MiB")"));
    CHECK(says("Sealed at this size. Must be between 1MiB and 4GiB."));
}

TEST_CASE("schema: an overlay need not say everything", "[config][schema]") {
    const std::string required = R"("required":["when","is"])";
    CHECK(says(required));
    CHECK_FALSE(says(required, SchemaFor::overlay));
}

TEST_CASE("schema: tables of the same keys share a definition", "[config][schema]") {
    CHECK(says(R"({"$ref":"#/definitions/journal"},{"type":"null"})"));
    CHECK_FALSE(says(R"("streams.own":)"));
}

#include "app/field_catalog.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace penstock::app {
namespace {

inspect::Config two_streams() {
    using inspect::ValueType;
    inspect::Config config;
    inspect::StreamConfig first;
    first.fields["n"].type = ValueType::integer;
    first.fields["ok"].type = ValueType::boolean;
    first.derive["double"] = "n * 2";
    inspect::StreamConfig second;
    second.fields["n"].type = ValueType::number;
    second.fields["ok"].type = ValueType::string;
    config.streams["first"] = first;
    config.streams["second"] = second;
    return config;
}

std::string text_of(const std::vector<sinks::DeclaredField>& fields) {
    std::string out;
    for (const auto& field : fields)
        out += field.name + ':' + std::to_string(static_cast<int>(field.type)) + ' ';
    return out;
}

TEST_CASE("declared fields: of one stream, in its order, derived ones of any kind", "[app]") {
    DeclaredFields declared;
    const auto catalog = declared.catalog();
    CHECK(catalog({}).empty());
    declared.set(two_streams());
    CHECK(text_of(catalog({"first"})) == "n:2 ok:1 double:5 ");
    CHECK(catalog({"no such stream"}).empty());
}

TEST_CASE("declared fields: streams that disagree widen the type", "[app]") {
    DeclaredFields declared;
    declared.set(two_streams());
    CHECK(text_of(declared.catalog()({})) == "n:3 ok:5 double:5 ");
}

}  // namespace
}  // namespace penstock::app

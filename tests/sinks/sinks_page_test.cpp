#include "config/field.h"
#include "sinks/registry.h"
#include "support/source_tree.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// A settings file that has sinks only.
struct PageExample {
    SinksConfig sinks;
};

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::PageExample> {
    static Table<sinks::PageExample> table() {
        return {field("sinks", &sinks::PageExample::sinks, "", names_are_ids())};
    }
};

namespace penstock::sinks {
namespace {

std::vector<std::string> examples() {
    std::ifstream file(test::source_tree() / "docs/SINKS.md");
    const std::string page(std::istreambuf_iterator<char>(file), {});
    const std::string begin = "```yaml\n";
    std::vector<std::string> all;
    for (std::size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at)) {
        at += begin.size();
        all.push_back(page.substr(at, page.find("```", at) - at));
    }
    return all;
}

TEST_CASE("docs/SINKS.md: every type has an example, and each can be built", "[sinks][docs]") {
    std::set<std::string> shown;
    const test::TempDir state;
    for (const std::string& example : examples()) {
        config::Problems problems;
        const auto anything = [](std::string_view) { return std::optional<std::string>("x"); };
        const auto settings =
            config::read<PageExample>(example, "docs/SINKS.md", problems, anything);
        INFO(example << problems.text());
        REQUIRE(settings);
        for (const auto& [id, sink] : settings->sinks) {
            SinkContext context;
            context.id = id;
            context.state_dir = state.path();
            const auto made = make_sink(sink, context);
            INFO((made.ok() ? "" : made.error().message));
            CHECK(made.ok());
            shown.insert(sink.type());
        }
    }
    for (const SinkKind& kind : sink_kinds()) {
        CAPTURE(kind.type);
        CHECK(shown.contains(kind.type));
    }
}

}  // namespace
}  // namespace penstock::sinks

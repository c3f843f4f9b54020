#include "config/reference.h"

#include "sample.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

using namespace penstock;

namespace {

config::ReferenceLine line_of(const std::string& path, const std::string& kind = "") {
    for (const auto& line : config::reference_lines(config::table_of<sample::Settings>())) {
        if (line.path() == path && line.kind == kind) return line;
    }
    FAIL("no line " << path);
    return {};
}

}  // namespace

TEST_CASE("reference: every key is there with its path, type, default and rules", "[config]") {
    CHECK(line_of("journal.segment_size").value == "64MiB");
    CHECK(line_of("journal.segment_size").type == "size");
    CHECK(line_of("journal.segment_size").rules.at(0) == "be between 1MiB and 4GiB");
    CHECK(line_of("journal.io").type == "one of auto, uring, sync");
    CHECK(line_of("journal.io").value == "auto");
    CHECK(line_of("port").value == "1883");
    CHECK(line_of("strict").value == "true");
    CHECK(line_of("modes").type == "list of one of drop, hold");
    CHECK(line_of("streams").type == "map of name to table");
    CHECK(line_of("streams.<name>.topics").required);
    CHECK(line_of("streams.<name>.status[].when").required);
    CHECK(line_of("streams.<name>.fields.<name>.max").type == "number");
    CHECK(line_of("streams.<name>.own.window").value == "1ms");
    CHECK(line_of("sinks.<name>.brokers", "kafka").type == "list of text");
    CHECK(line_of("sinks.<name>.when_behind", "archive").value == "hold");
    CHECK(line_of("sinks.<name>.password", "kafka").type == "secret");
    CHECK(line_of("sinks.<name>.password", "kafka").value.empty());
}

TEST_CASE("reference: as Markdown, a section per table and a row per key", "[config]") {
    const std::string text = config::reference_markdown(config::table_of<sample::Settings>());
    CHECK(text.find("## Top level\n") == 0);
    CHECK(text.find("## `journal`\n") != std::string::npos);
    CHECK(
        text.find("## `sinks.<name>` with `type: kafka`\n\nAn ordered stream.\n") !=
        std::string::npos
    );
    CHECK(
        text.find("| `segment_size` | size | `64MiB` | Sealed at this size. Must be between 1MiB "
                  "and 4GiB. |") != std::string::npos
    );
    CHECK(text.find("| `topics` | list of text | required | Filters.") != std::string::npos);
}

TEST_CASE("reference: as a settings file it reads as the defaults", "[config]") {
    const std::string text = config::reference_yaml(config::table_of<sample::Settings>());
    config::Problems problems;
    const auto settings = config::read<sample::Settings>(text, "p.yaml", problems);
    INFO(problems.text() << text);
    REQUIRE(settings);
    CHECK(settings->journal.segment_size == 64_MiB);
    CHECK(settings->sinks.empty());
    CHECK(settings->streams.empty());
    CHECK(
        text.find("\njournal:\n  # Where segments are.\n  directory: data\n") != std::string::npos
    );
    CHECK(text.find("  io: auto  # one of auto, uring, sync\n") != std::string::npos);
    CHECK(text.find("#     type: kafka\n") != std::string::npos);
}

TEST_CASE("reference: a settings file lists every key", "[config]") {
    const std::string text = config::reference_yaml(config::table_of<sample::Settings>());
    for (const auto& line : config::reference_lines(config::table_of<sample::Settings>())) {
        CAPTURE(line.path());
        CHECK(text.find(line.key + ":") != std::string::npos);
    }
}

TEST_CASE("reference: tables with the same keys are printed once", "[config]") {
    const std::string text = config::reference_markdown(config::table_of<sample::Settings>());
    CHECK(text.find("## `streams.<name>.own`\n\nThe keys of `journal`.\n") != std::string::npos);
}

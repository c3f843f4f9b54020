#include "config/problem.h"

#include <catch2/catch.hpp>

#include <string>

using namespace penstock::config;

TEST_CASE("problems: suggestions are near misses only", "[config]") {
    const std::vector<std::string> known{"segment_size", "io", "topics", "tls"};
    CHECK(did_you_mean("segment_sise", known) == "segment_size");
    CHECK(did_you_mean("segmentSize", known) == "segment_size");
    CHECK(did_you_mean("segment-size", known) == "segment_size");
    CHECK(did_you_mean("topic", known) == "topics");
    CHECK(did_you_mean("tpoics", known) == "topics");
    CHECK(did_you_mean("TLS", known) == "tls");
    CHECK(did_you_mean("brokers", known).empty());
    CHECK(did_you_mean("xy", known).empty());
    CHECK(did_you_mean("", known).empty());
    CHECK(did_you_mean(std::string(100'000, 'x'), known).empty());
}

TEST_CASE(
    "problems: they are listed in the order of the file; warnings are no errors", "[config]"
) {
    Problems problems;
    problems.warn({"p", 1, 2}, "late");
    CHECK(problems.ok());
    problems.error({"p", 5, 1}, "b");
    problems.error({"p", 0, 0}, "whole file");
    problems.error({"p", 1, 1}, "a");
    CHECK_FALSE(problems.ok());
    CHECK(problems.errors() == 3);
    CHECK(problems.text() == "p: whole file\np:1:1: a\np:1:2: warning: late\np:5:1: b\n");
}

TEST_CASE("problems: what a value holds cannot move a terminal's cursor", "[config]") {
    Problems problems;
    problems.error({"p", 1, 1}, "cannot open /a\x1b[2J\nb\x7f");
    CHECK(problems.text() == "p:1:1: cannot open /a\\x1b[2J\\x0ab\\x7f\n");
}

TEST_CASE("problems: their number is bounded, the rest is counted", "[config]") {
    Problems problems;
    for (unsigned i = 0; i < 250; ++i)
        problems.error({"p", i + 1, 1}, "x");
    CHECK(problems.sorted().size() == 200);
    CHECK(problems.errors() == 250);
    CHECK(problems.text().ends_with("and 50 more\n"));
}

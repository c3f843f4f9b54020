#include "journal/config.h"

#include "config/field.h"

#include <catch2/catch.hpp>

#include <string>

namespace penstock::journal {
namespace {

std::string problems_of(const std::string& text) {
    config::Problems problems;
    [[maybe_unused]] const auto read = config::read<Config>(text, "c.yaml", problems);
    return problems.text();
}

TEST_CASE("journal config: the defaults stand and every key is read", "[journal][config]") {
    config::Problems problems;
    const auto read = config::read<Config>(
        "segment_size: 8MiB\nio: sync\ncommit_window: 2ms\ncommits_in_flight: 2\nmemory_tail: "
        "32MiB\n"
        "batch_size: 64KiB\nrecord_max: 1MiB\nring: 16\nmax_size: 10GiB\ndisk_soft: 70\ndisk_hard: "
        "85\n"
        "disk_enough: 1GiB\non_corruption: continue\n",
        "c.yaml",
        problems
    );
    INFO(problems.text());
    REQUIRE(read);
    CHECK(read->segment_size == 8_MiB);
    CHECK(read->io == IoMode::sync);
    CHECK(read->max_size == 10_GiB);
    CHECK(read->on_corruption == OnCorruption::accept_loss);
    CHECK(problems_of("{}").empty());
}

TEST_CASE(
    "journal config: what cannot work together is refused with its place", "[journal][config]"
) {
    CHECK(problems_of("segment_size: 8MiB\n").find("c.yaml:1") == 0);
    CHECK(problems_of("disk_soft: 95\n").find("disk_hard") != std::string::npos);
    CHECK(problems_of("max_size: 100MiB\n").find("4 times") != std::string::npos);
    CHECK(problems_of("io: mmap\n").find("auto") != std::string::npos);
    CHECK(problems_of("segment_sise: 8MiB\n").find("segment_size") != std::string::npos);
}

}  // namespace
}  // namespace penstock::journal

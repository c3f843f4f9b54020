#include "config/explain.h"

#include "sample.h"

#include <catch2/catch.hpp>

#include <string>

using namespace penstock;

namespace {

std::string explained(const std::string& key) {
    const auto text = config::explain(config::table_of<sample::Settings>(), key);
    return text ? *text : "error: " + text.error().message;
}

}  // namespace

TEST_CASE("explain: a key with help, type, unit, default, bounds", "[config][explain]") {
    CHECK(
        explained("journal.segment_size") ==
        "journal.segment_size\n"
        "  Sealed at this size.\n"
        "\n"
        "  type     size, with a unit: B, KiB, MiB, GiB, TiB or kB, MB, GB, TB\n"
        "  default  64MiB\n"
        "  bounds   must be between 1MiB and 4GiB\n"
        "  change   taken by a reload (SIGHUP)\n"
    );
}

TEST_CASE("explain: names of the reader's own stand for <name>", "[config][explain]") {
    const std::string wanted = explained("streams.<name>.status[].when");
    CHECK(wanted.starts_with("streams.<name>.status[].when\n  A condition.\n"));
    CHECK(wanted.find("default  none: the key must be there") != std::string::npos);
    CHECK(explained("streams.meters.status[3].when") == wanted);
    CHECK(explained("sinks.out.topic").starts_with("sinks.<name>.topic  (type: kafka)\n"));
}

TEST_CASE("explain: a key that all types share is said once", "[config][explain]") {
    CHECK(explained("sinks.out.when_behind")
              .starts_with("sinks.<name>.when_behind  (type: kafka, archive)"));
}

TEST_CASE("explain: of a table, the keys below it", "[config][explain]") {
    CHECK(
        explained("journal").find("keys     directory, io, segment_size, window") !=
        std::string::npos
    );
    CHECK(explained("sinks").find("keys     brokers, password, path") != std::string::npos);
}

TEST_CASE("explain: the end of a path will do", "[config][explain]") {
    CHECK(explained("offset").starts_with("offset\n"));
    CHECK(
        explained("segment_size") ==
        "Several settings end in 'segment_size':\n"
        "  journal.segment_size\n"
        "  streams.<name>.own.segment_size\n"
    );
}

TEST_CASE("explain: near misses are suggested", "[config][explain]") {
    CHECK(
        explained("journal.segmant_size") ==
        "error: no setting 'journal.segmant_size'; did you mean 'journal.segment_size'?"
    );
    CHECK(explained("x.brokrs") == "error: no setting 'x.brokrs'; did you mean 'brokers'?");
    CHECK(
        explained("nothing_like_it") ==
        "error: no setting 'nothing_like_it'; docs/CONFIG.md lists them all"
    );
    CHECK(explained("").starts_with("error: no setting ''"));
    CHECK(explained("journal..window").starts_with("error:"));
}

TEST_CASE("explain: what takes a restart says so, below it too", "[config][explain]") {
    CHECK(explained("journal.window").find("taken by a reload") != std::string::npos);
    CHECK(explained("streams.x.own").find("takes a restart") != std::string::npos);
    CHECK(explained("streams.x.own.window").find("takes a restart") != std::string::npos);
}

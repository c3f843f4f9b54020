#include "ingest/http/config.h"

#include <catch2/catch.hpp>

namespace penstock::ingest::http {
namespace {

std::string problems_of(const std::string& yaml) {
    config::Problems problems;
    static_cast<void>(config::read<Config>(yaml, "p.yaml", problems));
    return problems.text();
}

}  // namespace

TEST_CASE("http config: what is absent has its default", "[ingest][http][config]") {
    config::Problems problems;
    const auto read = config::read<Config>("max_body: 2MiB", "p.yaml", problems);
    REQUIRE(read);
    CHECK(read->max_body == 2_MiB);
    CHECK(read->max_decompressed == 8_MiB);
    CHECK(read->listen.text() == "127.0.0.1:8080");
}

TEST_CASE("http config: values out of range and unknown keys say where", "[ingest][http][config]") {
    CHECK(problems_of("max_body: 1B").find("p.yaml:1:11: ") != std::string::npos);
    CHECK(problems_of("max_pipelined: 0").find("max_pipelined") != std::string::npos);
    CHECK(problems_of("max_bodi: 1MiB").find("did you mean 'max_body'") != std::string::npos);
}

}  // namespace penstock::ingest::http

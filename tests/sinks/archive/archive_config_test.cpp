#include "sinks/archive/config.h"
#include "sinks/registry.h"

#include <catch2/catch.hpp>

using namespace penstock;
using namespace penstock::sinks;

namespace {

std::string problems_of(const std::string& text) {
    config::Problems problems;
    static_cast<void>(config::read<ArchiveConfig>(text, "t.yaml", problems));
    return problems.text();
}

}  // namespace

TEST_CASE("archive config: a bucket in three lines", "[sinks][archive][config]") {
    config::Problems problems;
    const auto config = config::read<ArchiveConfig>(
        "s3: { endpoint: \"http://127.0.0.1:9000\", bucket: lake, prefix: \"raw/\" }\nwindow: { "
        "age: 5s, bytes: 8MiB }\n",
        "t.yaml",
        problems
    );
    INFO(problems.text());
    REQUIRE(config);
    CHECK(config->s3->bucket == "lake");
    CHECK(config->s3->prefix == "raw/");
    CHECK(config->window.bytes == 8_MiB);
    CHECK(config->window.age == std::chrono::seconds(5));
    CHECK(config->format == ArchiveFormat::ndjson);
}

TEST_CASE(
    "archive config: what cannot work is said where it stands", "[sinks][archive][config][A09]"
) {
    CHECK_THAT(problems_of("level: 3\n"), Catch::Contains("local or s3"));
    CHECK_THAT(
        problems_of("local: { directory: /a }\ns3: { endpoint: \"http://h\", bucket: lake }\n"),
        Catch::Contains("local or s3")
    );
    const auto s3 = [](const std::string& more) {
        return problems_of("s3: { endpoint: \"http://h\", bucket: lake, " + more + " }\n");
    };
    CHECK(s3("region: eu-central-1").empty());
    CHECK_THAT(s3("prefix: \"../x\""), Catch::Contains("prefix"));
    CHECK_THAT(s3("prefix: \"/x\""), Catch::Contains("prefix"));
    CHECK_THAT(s3("access_key: A"), Catch::Contains("set together"));
    CHECK_THAT(s3("part_size: 1MiB"), Catch::Contains("part_size"));
    CHECK(s3("encryption: \"aws:kms\", kms_key: \"arn:aws:kms:x\", tags: { team: lake }").empty());
    CHECK_THAT(s3("encryption: DES"), Catch::Contains("encryption"));
    CHECK_THAT(s3("kms_key: k"), Catch::Contains("encryption: aws:kms"));
    CHECK_THAT(s3("tags: { a: " + std::string(257, 'x') + " }"), Catch::Contains("256"));
    CHECK_THAT(
        problems_of("s3: { endpoint: \"h:9000\", bucket: lake }\n"), Catch::Contains("endpoint")
    );
    CHECK_THAT(
        problems_of("s3: { endpoint: \"http://h/path\", bucket: lake }\n"),
        Catch::Contains("endpoint")
    );
    CHECK_THAT(
        problems_of("s3: { endpoint: \"http://h\", bucket: \"a/b\" }\n"), Catch::Contains("bucket")
    );
    CHECK_THAT(problems_of("format: orc\nlocal: { directory: /a }\n"), Catch::Contains("format"));
}

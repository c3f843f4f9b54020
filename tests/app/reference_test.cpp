#include "app/reference.h"

#include "app/settings.h"
#include "base/files.h"
#include "support/source_tree.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

using namespace penstock;

namespace {

const std::filesystem::path kRoot = test::source_tree();

/// Compares a file of the tree with what it should be. With PENSTOCK_UPDATE in the environment it
/// is written instead.
void check_file(const std::filesystem::path& path, const std::string& wanted) {
    if (std::getenv("PENSTOCK_UPDATE")) {  // NOLINT(concurrency-mt-unsafe)
        std::filesystem::create_directories((kRoot / path).parent_path());
        std::ofstream(kRoot / path, std::ios::binary) << wanted;
    }
    const auto found = files::read(kRoot / path, std::size_t{1} << 20);
    INFO(
        path.string()
        << " differs from the tables: run test_app \"[reference]\" with PENSTOCK_UPDATE=1"
    );
    REQUIRE(found.ok());
    CHECK(*found == wanted);
}

}  // namespace

TEST_CASE("reference: docs/CONFIG.md says what the tables say", "[app][reference]") {
    check_file("docs/CONFIG.md", app::settings_reference());
}

TEST_CASE("reference: config/penstock.yaml lists every key with its default", "[app][reference]") {
    check_file("config/penstock.yaml", app::settings_file());
}

TEST_CASE("reference: config/penstock.yaml is a valid configuration", "[app][reference]") {
    config::Problems problems;
    const auto settings = app::load_settings({kRoot / "config/penstock.yaml"}, problems);
    INFO(problems.text());
    REQUIRE(settings);
    CHECK(settings->sinks.empty());
}

TEST_CASE("reference: every example configuration is valid", "[app][reference]") {
    const test::TempDir credentials;
    for (const char* name : {"gateway-token", "s3_secret_key"})
        std::ofstream(credentials / name) << "planted";
    const config::Environment environment = [&credentials](std::string_view name) {
        return name == "CREDENTIALS_DIRECTORY" ? std::optional(credentials.path().string())
                                               : std::nullopt;
    };
    const auto examples = kRoot / "config/examples";
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(examples)) {
        for (const app::ConfigFiles& files :
             {app::ConfigFiles{kRoot / "config/penstock.yaml", file.path()},
              app::ConfigFiles{examples / "wearables.yaml", file.path()}}) {
            config::Problems problems;
            const auto settings = config::load<app::Settings>(files, problems, environment);
            INFO(app::names_of(files) << '\n' << problems.text());
            CHECK(settings);
        }
        ++count;
    }
    CHECK(count > 0);
}

TEST_CASE("reference: the file to begin with is valid", "[app][reference]") {
    config::Problems problems;
    const auto settings = config::read<app::Settings>(app::starting_file(), "start.yaml", problems);
    INFO(problems.text());
    REQUIRE(settings);
    CHECK(settings->listeners.mqtt->listen.loopback());
    CHECK(settings->sinks.size() == 1);
}

#include "config/overlay.h"

#include "sample.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <string>
#include <vector>

using namespace penstock;

namespace {

const config::Environment kNone = [](std::string_view) { return std::nullopt; };

std::vector<config::Source> sources(const std::vector<std::string>& texts) {
    std::vector<config::Source> made;
    for (const std::string& text : texts)
        made.push_back({std::string(1, static_cast<char>('a' + made.size())) + ".yaml", text});
    return made;
}

sample::Settings read(const std::vector<std::string>& texts) {
    config::Problems problems;
    auto settings = config::read<sample::Settings>(sources(texts), problems, kNone);
    INFO(problems.text());
    REQUIRE(settings);
    return *settings;
}

std::string problems_of(const std::vector<std::string>& texts) {
    config::Problems problems;
    (void)config::read<sample::Settings>(sources(texts), problems, kNone);
    return problems.text();
}

}  // namespace

TEST_CASE("overlay: a later file wins key by key", "[config][overlay]") {
    const auto settings =
        read({"journal: {directory: /base, window: 5ms}\nport: 1", "journal: {window: 7ms}"});
    CHECK(settings.journal.directory == "/base");
    CHECK(settings.journal.window == std::chrono::milliseconds(7));
    CHECK(settings.limits.port == 1);
}

TEST_CASE("overlay: of three files the last word counts", "[config][overlay]") {
    CHECK(read({"port: 1", "port: 2", "strict: false"}).limits.port == 2);
    CHECK(read({"port: 1", "port: 2", "port: 3"}).limits.port == 3);
}

TEST_CASE("overlay: maps merge, the names of the earlier file first", "[config][overlay]") {
    const auto settings = read(
        {"sinks: {b: {type: archive, path: /b}, a: {type: archive, path: /a}}",
         "sinks: {c: {type: archive, path: /c}, b: {when_behind: drop}}"}
    );
    std::string names;
    for (const auto& [name, sink] : settings.sinks)
        names += name;
    CHECK(names == "bac");
    CHECK(settings.sinks.find("b")->as<sample::Archive>()->path == "/b");
    CHECK((*settings.sinks.find("b"))->when_behind == sample::Mode::drop);
}

TEST_CASE("overlay: lists are replaced as a whole", "[config][overlay]") {
    CHECK(read({"modes: [drop, hold]", "modes: [hold]"}).modes.size() == 1);
    CHECK(read({"modes: [drop, hold]", "modes: []"}).modes.empty());
    CHECK(read({"modes: [drop, hold]", "modes:"}).modes.empty());
}

TEST_CASE("overlay: nothing behind a key takes a table away", "[config][overlay]") {
    const std::string base = "sinks: {a: {type: archive, path: /a}, b: {type: archive, path: /b}}";
    const auto settings = read({base, "sinks: {a: }"});
    CHECK(settings.sinks.size() == 1);
    CHECK(settings.sinks.find("b"));
    CHECK(read({base, "sinks:"}).sinks.empty());
    CHECK(read({"journal: {window: 5ms}", "journal:"}).journal.window == sample::Journal{}.window);
}

TEST_CASE("overlay: a file that says nothing changes nothing", "[config][overlay]") {
    for (const char* empty : {"", "# a comment\n", "~", "{}"}) {
        CAPTURE(empty);
        CHECK(read({"port: 7", empty}).limits.port == 7);
        CHECK(read({empty, "port: 7"}).limits.port == 7);
    }
}

TEST_CASE("overlay: a value may become a table and a table a value", "[config][overlay]") {
    const std::string found = problems_of({"journal: {window: 5ms}", "\njournal: 3"});
    CHECK(found == "b.yaml:2:10: 'journal' must be a table of keys, not a single value\n");
    CHECK(read({"journal: 3", "journal: {window: 2ms}"}).journal.window.count() == 2'000'000);
}

TEST_CASE("overlay: problems name the file that says it", "[config][overlay]") {
    CHECK(
        problems_of({"journal: {segment_size: 1KiB}", "\njournal:\n  windw: 2ms"}) ==
        "a.yaml:1:25: 'journal.segment_size' must be between 1MiB and 4GiB, not '1KiB'\n"
        "b.yaml:3:3: unknown key 'journal.windw'; did you mean 'window'?\n"
    );
    CHECK(
        problems_of({"# base\n\nport: 0", "strict: true"}) ==
        "a.yaml:3:7: 'port' must be at least 1, not '0'\n"
    );
}

TEST_CASE("overlay: what is wrong below is mended by what is above", "[config][overlay]") {
    CHECK(problems_of({"port: 0", "port: 5"}).empty());
}

TEST_CASE("overlay: checks and offsets point into the right file", "[config][overlay]") {
    CHECK(
        problems_of({"# \n# \njournal: {window: 1ms}", "journal:\n  directory: '/trap'"}) ==
        "b.yaml:2:17: 'journal.directory' is a trap\n"
    );
    CHECK(
        problems_of({"# \njournal: {directory: '/trap'}", "journal:\n  window: 2ms"}) ==
        "a.yaml:2:25: 'journal.directory' is a trap\n"
    );
}

TEST_CASE("overlay: a missing key is reported where the table stands last", "[config][overlay]") {
    CHECK(
        problems_of({"sinks: {a: {type: archive}}", "\nsinks: {a: {when_behind: drop}}"}) ==
        "b.yaml:2:12: the key 'sinks.a.path' is missing\n"
    );
}

TEST_CASE("overlay: anchors belong to their file", "[config][overlay]") {
    CHECK(problems_of({"x: &n 1", "port: *n"}).find("b.yaml:1:") != std::string::npos);
}

TEST_CASE("overlay: every file that is no YAML is reported", "[config][overlay]") {
    const std::string found = problems_of({"a: [", "port: 1", "b: ["});
    CHECK(found.find("a.yaml:") != std::string::npos);
    CHECK(found.find("c.yaml:") != std::string::npos);
}

TEST_CASE("overlay: the number of files is bounded", "[config][overlay]") {
    const std::vector<std::string> most(config::kDocumentFilesMax, "port: 3");
    CHECK(read(most).limits.port == 3);
    std::vector<std::string> more = most;
    more.emplace_back("port: 4");
    CHECK(problems_of(more) == "q.yaml: more than 16 files are laid over each other\n");
}

TEST_CASE("overlay: what the files hold together is bounded", "[config][overlay]") {
    const auto big = [](const std::string& key) {
        std::string text = key + ": [";
        for (int i = 0; i < 60'000; ++i)
            text += "1,";
        return text + "1]";
    };
    CHECK(
        problems_of({big("a"), big("b")}) ==
        "b.yaml: with the files below it, more than 100000 values\n"
    );
}

TEST_CASE(
    "overlay: the text of merged tables is that of one file that says it", "[config][overlay]"
) {
    const auto merged = read({"journal: {directory: x, window: 1ms}", "journal: {window: 2ms}"});
    const auto single = read({"journal: {directory: x, window: 2ms}"});
    CHECK(merged.journal.origin.text() == single.journal.origin.text());
}

TEST_CASE("overlay: files that cannot be read are all named", "[config][overlay]") {
    const test::TempDir dir;
    std::ofstream(dir / "a.yaml") << "port: 9";
    config::Problems problems;
    CHECK_FALSE(
        config::load<sample::Settings>({dir / "n1", dir / "a.yaml", dir / "n2"}, problems, kNone)
    );
    CHECK(problems.errors() == 2);
}

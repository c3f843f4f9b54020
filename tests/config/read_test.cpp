#include "sample.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <string>

using namespace penstock;
using sample::Settings;

namespace {

const config::Environment kNoEnvironment = [](std::string_view) { return std::nullopt; };

/// The problems of a text, one a line.
std::string problems_of(const std::string& text, const config::Environment& env = kNoEnvironment) {
    config::Problems problems;
    const auto settings = config::read<Settings>(text, "p.yaml", problems, env);
    CHECK(settings.has_value() == problems.ok());
    return problems.text();
}

Settings settings_of(const std::string& text, const config::Environment& env = kNoEnvironment) {
    config::Problems problems;
    auto settings = config::read<Settings>(text, "p.yaml", problems, env);
    INFO(problems.text());
    REQUIRE(settings);
    return *settings;
}

}  // namespace

TEST_CASE("config: an empty file gives the defaults", "[config]") {
    for (const char* text : {"", "# nothing\n", "---\n", "{}", "journal:\n"}) {
        const Settings settings = settings_of(text);
        CHECK(settings.journal.segment_size == 64_MiB);
        CHECK(settings.limits.port == 1883);
        CHECK(settings.sinks.empty());
    }
}

TEST_CASE("config: every kind of value is read", "[config]") {
    const Settings s = settings_of(
        R"(
journal: { directory: /var/x, segment_size: 128MiB, window: 2ms, io: uring }
port: 8883
offset: -7
strict: false
modes: [drop, hold, drop]
streams:
  zulu:
    topics: ["iot/+/data", 'b']
    fields:
      heartRate: { min: 20, max: 250.5 }
      a.b: {}
    status:
      - { when: "heartRate > 140", is: HIGH_HEART_RATE }
    own: { io: sync }
  alpha: { topics: [x] }
sinks:
  events:
    type: kafka
    brokers: ["127.0.0.1:9092"]
    password: "env:P"
    properties: { sasl.mechanism: PLAIN }
    when_behind: drop
  lake: { type: archive, path: /lake }
)",
        [](std::string_view name) {
            return name == "P" ? std::optional<std::string>("hunter2") : std::nullopt;
        }
    );
    CHECK(s.journal.directory == "/var/x");
    CHECK(s.journal.segment_size == 128_MiB);
    CHECK(s.journal.window == std::chrono::milliseconds(2));
    CHECK(s.journal.io == sample::Io::uring);
    CHECK(s.limits.port == 8883);
    CHECK(s.limits.offset == -7);
    CHECK_FALSE(s.limits.strict);
    CHECK(s.modes == std::vector{sample::Mode::drop, sample::Mode::hold, sample::Mode::drop});
    REQUIRE(s.streams.size() == 2);
    CHECK(s.streams[0].first == "zulu");  // the order of the file
    const sample::Stream& zulu = s.streams[0].second;
    CHECK(zulu.topics == std::vector<std::string>{"iot/+/data", "b"});
    CHECK(zulu.fields.find("heartRate")->max == 250.5);
    CHECK_FALSE(zulu.fields.find("a.b")->max.has_value());
    CHECK(zulu.status.at(0).is == "HIGH_HEART_RATE");
    CHECK(zulu.own->io == sample::Io::sync);
    const auto* kafka = s.sinks.find("events")->as<sample::Kafka>();
    REQUIRE(kafka);
    CHECK(kafka->password.reveal() == "hunter2");
    CHECK(kafka->properties.at("sasl.mechanism") == "PLAIN");
    CHECK(kafka->when_behind == sample::Mode::drop);
    CHECK(s.sinks.find("lake")->type() == "archive");
    CHECK(s.sinks.find("lake")->as<sample::Kafka>() == nullptr);
    CHECK((*s.sinks.find("lake"))->when_behind == sample::Mode::hold);
}

TEST_CASE("config: all problems come at once, each with its place", "[config]") {
    CHECK(
        problems_of("journal:\n"
                    "  segment_sise: 64MiB\n"
                    "  window: 5s\n"
                    "  io: urring\n"
                    "port: 70000\n"
                    "strict: yes\n"
                    "streams:\n"
                    "  a:\n"
                    "    topic: [x]\n") ==
        "p.yaml:2:3: unknown key 'journal.segment_sise'; did you mean 'segment_size'?\n"
        "p.yaml:3:11: 'journal.window' must be at most 1s, not '5s'\n"
        "p.yaml:4:7: 'journal.io' must be one of auto, uring, sync, not 'urring'; did you mean "
        "'uring'?\n"
        "p.yaml:5:7: 'port' must be between 0 and 65535, not '70000'\n"
        "p.yaml:6:9: 'strict' must be true or false, not 'yes'\n"
        "p.yaml:9:5: unknown key 'streams.a.topic'; did you mean 'topics'?\n"
        "p.yaml:9:5: the key 'streams.a.topics' is missing\n"
    );
}

TEST_CASE("config: duplicate keys are found wherever they stand", "[config]") {
    CHECK(
        problems_of("port: 1\noffset: 1\nport: 2\n") ==
        "p.yaml:3:1: duplicate key 'port', first on line 1\n"
    );
    CHECK(
        problems_of("journal: { io: sync, io: auto }\n") ==
        "p.yaml:1:22: duplicate key 'io', first on line 1\n"
    );
}

TEST_CASE("config: numbers that YAML readers disagree about are refused", "[config]") {
    CHECK(
        problems_of("port: 017\n") ==
        "p.yaml:1:7: 'port' must be a whole number without leading zeros, not '017'\n"
    );
    CHECK(
        problems_of("port: 1_000\n") == "p.yaml:1:7: 'port' must be a whole number, not '1_000'\n"
    );
    CHECK(problems_of("port: 0x10\n") == "p.yaml:1:7: 'port' must be a whole number, not '0x10'\n");
    CHECK(problems_of("port: 1.0\n") == "p.yaml:1:7: 'port' must be a whole number, not '1.0'\n");
    CHECK(
        problems_of("port: \"80\"\n") ==
        "p.yaml:1:7: 'port' must be a whole number without quotes, not '80'\n"
    );
    CHECK(problems_of("port: 0\n") == "p.yaml:1:7: 'port' must be at least 1, not '0'\n");
    CHECK(
        problems_of("offset: 99999999999999999999\n") ==
        "p.yaml:1:9: 'offset' must be between -2147483648 and 2147483647, not "
        "'99999999999999999999'\n"
    );
}

TEST_CASE("config: text keeps what YAML would take for something else", "[config]") {
    CHECK(settings_of("journal: { directory: no }").journal.directory == "no");
    CHECK(settings_of("journal: { directory: 017 }").journal.directory == "017");
    CHECK(settings_of("journal: { directory: 'null' }").journal.directory == "null");
}

TEST_CASE("config: values of the wrong shape are told what is wanted", "[config]") {
    CHECK(
        problems_of("journal: [1]\n") ==
        "p.yaml:1:10: 'journal' must be a table of keys, not a list\n"
    );
    CHECK(
        problems_of("journal: 5\n") ==
        "p.yaml:1:10: 'journal' must be a table of keys, not a single value\n"
    );
    CHECK(problems_of("port: [1]\n") == "p.yaml:1:7: 'port' must be a single value, not a list\n");
    CHECK(problems_of("port:\n") == "p.yaml:1:1: 'port' needs a value\n");
    CHECK(
        problems_of("modes: drop\n") ==
        "p.yaml:1:8: 'modes' must be a list, such as [a, b], not a single value\n"
    );
    CHECK(
        problems_of("modes: [drop, keep]\n") ==
        "p.yaml:1:15: 'modes[1]' must be one of drop, hold, not 'keep'\n"
    );
    CHECK(problems_of("- 1\n") == "p.yaml:1:1: the settings must be a table of keys, not a list\n");
}

TEST_CASE("config: rules hold for the member or for each value in it", "[config]") {
    CHECK(
        problems_of("streams: { a: { topics: [] } }\n") ==
        "p.yaml:1:25: 'streams.a.topics' must not be empty\n"
    );
    CHECK(
        problems_of("streams: { a: { topics: [1, 2, 3, 4] } }\n") ==
        "p.yaml:1:25: 'streams.a.topics' must have at most 3 items\n"
    );
    CHECK(
        problems_of("streams: { a: { topics: [x], fields: { h: { max: 1001 } } } }\n") ==
        "p.yaml:1:50: 'streams.a.fields.h.max' must be at most 1000, not '1001'\n"
    );
    CHECK(
        problems_of("streams: { a b: { topics: [x] } }\n") ==
        "p.yaml:1:12: the name 'a b' must be a letter and up to 63 letters, digits, '_' or '-'\n"
    );
    CHECK(
        problems_of("streams: { a: { topics: [x], status: [ { when: x, is: low } ] } }\n") ==
        "p.yaml:1:55: 'streams.a.status[0].is' must be an upper-case word, not 'low'\n"
    );
}

TEST_CASE("config: a table by type names the kinds and finds their keys", "[config]") {
    CHECK(
        problems_of("sinks: { a: { path: x } }\n") ==
        "p.yaml:1:13: 'sinks.a' needs the key 'type', one of kafka, archive\n"
    );
    CHECK(
        problems_of("sinks: { a: { type: kafak } }\n") ==
        "p.yaml:1:21: 'sinks.a.type' must be one of kafka, archive, not 'kafak'; did you mean "
        "'kafka'?\n"
    );
    CHECK(
        problems_of("sinks: { a: { type: archive, path: x, topic: y } }\n") ==
        "p.yaml:1:39: unknown key 'sinks.a.topic'\n"
    );
    CHECK(
        problems_of("sinks: { a: { type: archive, path: x, when_behnd: y } }\n") ==
        "p.yaml:1:39: unknown key 'sinks.a.when_behnd'; did you mean 'when_behind'?\n"
    );
    CHECK(
        problems_of("sinks: { a: kafka }\n") ==
        "p.yaml:1:13: 'sinks.a' must be a table of keys, not a single value\n"
    );
    CHECK(
        problems_of("sinks: { a: }\n") ==
        "p.yaml:1:10: 'sinks.a' needs the key 'type', one of kafka, archive\n"
    );
}

TEST_CASE("config: a table's own check points into the scalar", "[config]") {
    CHECK(
        problems_of("journal: { directory: /trap }\n") ==
        "p.yaml:1:25: 'journal.directory' is a trap\n"
    );
    CHECK(
        problems_of("journal: { directory: '/trap' }\n") ==
        "p.yaml:1:26: 'journal.directory' is a trap\n"
    );
    // Not run when the table itself is wrong.
    CHECK(problems_of("journal: { directory: /trap, io: x }\n").find("trap") == std::string::npos);
}

TEST_CASE("config: columns count characters, not bytes", "[config]") {
    CHECK(
        problems_of("streams: { \"\u00e9\u00e9\": 1 }\n") ==
        "p.yaml:1:12: the name '\u00e9\u00e9' must be a letter and up to 63 letters, digits, '_' "
        "or '-'\n"
        "p.yaml:1:18: 'streams.\u00e9\u00e9' must be a table of keys, not a single value\n"
    );
}

TEST_CASE("config: text of a file cannot break a line of the error list", "[config][A13]") {
    const std::string text = problems_of("journal: { io: \"a\\nb\\e[2J\" }\n");
    CHECK(
        text ==
        "p.yaml:1:16: 'journal.io' must be one of auto, uring, sync, not 'a\\nb\\u001b[2J'\n"
    );
}

TEST_CASE("config: environment variables stand in values only", "[config]") {
    const config::Environment env = [](std::string_view name) -> std::optional<std::string> {
        if (name == "PORT") return "8884";
        if (name == "DIR") return "x: [y, {z";
        if (name == "EMPTY") return "";
        return std::nullopt;
    };
    CHECK(settings_of("port: ${PORT}", env).limits.port == 8884);
    CHECK(
        settings_of("journal: { directory: 'a-${DIR}-b' }", env).journal.directory ==
        "a-x: [y, {z-b"
    );
    CHECK(
        settings_of("journal: { directory: '${NONE:-fallback}' }", env).journal.directory ==
        "fallback"
    );
    CHECK(
        settings_of("journal: { directory: '${EMPTY:-fallback}' }", env).journal.directory ==
        "fallback"
    );
    CHECK(
        settings_of("journal: { directory: '$${PORT} $5' }", env).journal.directory == "${PORT} $5"
    );
    CHECK(
        problems_of("port: ${NONE}", env) ==
        "p.yaml:1:7: the environment has no variable NONE\n"
        "p.yaml:1:7: 'port' must be a whole number, not '${NONE}'\n"
    );
    CHECK(
        problems_of("journal: { directory: '${PORT' }", env) ==
        "p.yaml:1:23: '${' is not closed (write '$${' for the characters themselves)\n"
    );
    CHECK(problems_of("${PORT}: 1", env) == "p.yaml:1:1: unknown key '${PORT}'\n");
}

TEST_CASE("config: what the environment holds is not shown in errors", "[config][A13]") {
    const config::Environment env = [](std::string_view) {
        return std::optional<std::string>("hunter2");
    };
    const std::string text = problems_of(
        "port: ${P}\nmodes: ['${P}']\njournal: { window: '${P}', directory: '' }\n", env
    );
    CHECK(text.find("hunter2") == std::string::npos);
    CHECK(text.find("'${P}'") != std::string::npos);
}

TEST_CASE("config: a planted secret is in no error, whatever is wrong around it", "[config][A13]") {
    const std::string secret = "hunter2";
    for (const char* text :
         {"sinks: { a: { type: kafka, password: hunter2 } }",
          "sinks: { a: { password: hunter2 } }",
          "sinks: { a: { type: archive, password: hunter2 } }",
          "sinks: { a: { type: kafka, brokers: [b], password: [hunter2] } }",
          "sinks: { a: { type: kafka, brokers: [b], password: 'file:/no/such' } }"}) {
        const std::string problems = problems_of(text);
        CAPTURE(problems);
        CHECK_FALSE(problems.empty());
        CHECK(problems.find(secret) == std::string::npos);
    }
}

TEST_CASE("config: a settings file is read from disk, or the reason is told", "[config]") {
    const test::TempDir dir;
    std::ofstream(dir / "p.yaml") << "port: 99\n";
    config::Problems problems;
    CHECK(config::load<Settings>({dir / "p.yaml"}, problems)->limits.port == 99);
    CHECK_FALSE(config::load<Settings>({dir / "none.yaml"}, problems).has_value());
    const std::string path = (dir / "none.yaml").string();
    CHECK(problems.text() == path + ": cannot open " + path + ": No such file or directory\n");
}

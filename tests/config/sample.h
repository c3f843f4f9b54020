#pragma once

#include "config/field.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Settings with every kind of member, for the tests of the reader.
namespace sample {

using namespace penstock;

enum class Io { automatic, uring, sync };
enum class Mode { drop, hold };

struct Journal {
    std::string directory = "data";
    ByteCount segment_size = 64_MiB;
    Duration window = std::chrono::milliseconds(1);
    Io io = Io::automatic;
    config::Origin origin;
};

struct Rule {
    std::string when;
    std::string is;
    config::Origin origin;
};

struct Metric {
    double min = 0;
    std::optional<double> max;
};

struct Stream {
    std::vector<std::string> topics;
    config::OrderedMap<Metric> fields;
    std::vector<Rule> status;
    std::optional<Journal> own;
    config::Origin origin;
};

struct SinkBase {
    Mode when_behind = Mode::hold;
    config::Origin origin;
};
struct Kafka : SinkBase {
    std::vector<std::string> brokers;
    std::string topic = "telemetry";
    std::map<std::string, std::string> properties;
    Secret password;
};
struct Archive : SinkBase {
    std::string path;
};

struct Limits {
    std::uint16_t port = 1883;
    std::int32_t offset = -1;
    bool strict = true;
};

struct Settings {
    Journal journal;
    Limits limits;
    std::vector<std::pair<std::string, Stream>> streams;
    config::OrderedMap<config::Variant<SinkBase>> sinks;
    std::vector<Mode> modes;
};

}  // namespace sample

namespace penstock::config {

template <>
struct Names<sample::Mode> {
    static NameList<sample::Mode> list() {
        return {{"drop", sample::Mode::drop}, {"hold", sample::Mode::hold}};
    }
};

template <>
struct Fields<sample::Journal> {
    using T = sample::Journal;
    static Table<T> table() {
        return {
            field("directory", &T::directory, "Where segments are.", not_empty),
            field("segment_size", &T::segment_size, "Sealed at this size.", between(1_MiB, 4_GiB)),
            field("window", &T::window, "Longest wait.", at_most(std::chrono::seconds(1))),
            field(
                "io",
                &T::io,
                "How to write.",
                one_of<sample::Io>(
                    {{"auto", sample::Io::automatic},
                     {"uring", sample::Io::uring},
                     {"sync", sample::Io::sync}}
                )
            ),
        };
    }
    static void check(const T& journal, const Origin& where, Problems& problems) {
        if (journal.directory == journal_trap) {
            problems.error(where.at("directory", 2), "'journal.directory' is a trap");
        }
    }
    static constexpr const char* journal_trap = "/trap";
};

template <>
struct Fields<sample::Rule> {
    using T = sample::Rule;
    static Table<T> table() {
        return {
            field("when", &T::when, "A condition.", required),
            field("is", &T::is, "A word.", required, matches("[A-Z_]+", "an upper-case word"))
        };
    }
};

template <>
struct Fields<sample::Metric> {
    using T = sample::Metric;
    static Table<T> table() {
        return {
            field("min", &T::min, "Smallest."), field("max", &T::max, "Largest.", at_most(1000))
        };
    }
};

template <>
struct Fields<sample::Stream> {
    using T = sample::Stream;
    static Table<T> table() {
        return {
            field("topics", &T::topics, "Filters.", required, not_empty, max_items(3)),
            field("fields", &T::fields, "Schema."),
            field("status", &T::status, "Words."),
            field("own", &T::own, "A journal of its own.", needs_restart)
        };
    }
};

template <>
struct Fields<sample::SinkBase> {
    using T = sample::SinkBase;
    static Table<T> table() { return {field("when_behind", &T::when_behind, "At the bound.")}; }
};

template <>
struct Fields<sample::Kafka> {
    using T = sample::Kafka;
    static Table<T> table() {
        return {
            field("brokers", &T::brokers, "Addresses.", required),
            field("topic", &T::topic, "Where to."),
            field("properties", &T::properties, "Passed through."),
            field("password", &T::password, "For SASL.")
        };
    }
};

template <>
struct Fields<sample::Archive> {
    using T = sample::Archive;
    static Table<T> table() { return {field("path", &T::path, "Folder.", required)}; }
};

template <>
struct Kinds<sample::SinkBase> {
    static KindList<sample::SinkBase> list() {
        return {
            kind<sample::SinkBase, sample::Kafka>("kafka", "An ordered stream."),
            kind<sample::SinkBase, sample::Archive>("archive", "Files.")
        };
    }
};

template <>
struct Fields<sample::Limits> {
    using T = sample::Limits;
    static Table<T> table() {
        return {
            field("port", &T::port, "Port.", at_least(1)),
            field("offset", &T::offset, "Offset."),
            field("strict", &T::strict, "Strict.")
        };
    }
};

template <>
struct Fields<sample::Settings> {
    using T = sample::Settings;
    static Table<T> table() {
        return {
            field("journal", &T::journal, "The log."),
            keys_of(&T::limits),
            field("streams", &T::streams, "What comes in.", names_are_ids()),
            field("sinks", &T::sinks, "Where it goes.", names_are_ids()),
            field("modes", &T::modes, "Modes.")
        };
    }
};

}  // namespace penstock::config

#include "sinks/archive/object_name.h"

#include "base/iso_time.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <ctime>
#include <set>

using namespace penstock;
using namespace penstock::sinks;

namespace {

const JournalId kJournal{{0xab}};

std::string named(std::string_view prefix, const std::string& stream, Nanoseconds time) {
    return object_name(
        prefix, {stream, event_hour(time)}, kJournal, {1}, {20}, ArchiveFormat::ndjson
    );
}

Nanoseconds at(std::string_view text) {
    return parse_iso_time(text).value();
}

}  // namespace

TEST_CASE("object name: stream, UTC hour, journal and range stand in it", "[sinks][archive]") {
    CHECK(
        named("raw/", "wearables", at("2026-11-21T14:59:59.999999999Z")) ==
        "raw/stream=wearables/date=2026-11-21/hour=14/"
        "ab000000000000000000000000000000-00000000000000000001-00000000000000000020.ndjson.zst"
    );
}

TEST_CASE(
    "object name: times before 1970 and at the ends of the range have an hour", "[sinks][archive]"
) {
    CHECK(event_hour(-1) == -1);
    CHECK(event_hour(0) == 0);
    CHECK_THAT(named("", "s", -1), Catch::Contains("/date=1969-12-31/hour=23/"));
    CHECK_THAT(named("", "s", INT64_MIN), Catch::Contains("/date=1677-09-21/hour=00/"));
    CHECK_THAT(named("", "s", INT64_MAX), Catch::Contains("/date=2262-04-11/hour=23/"));
}

TEST_CASE(
    "object name: no hour is skipped or doubled by a change of local time", "[sinks][archive][S16]"
) {
    ::setenv("TZ", "Europe/Berlin", 1);
    ::tzset();
    for (const char* day : {"2026-03-29", "2026-10-25"}) {
        std::set<std::string> names;
        for (int hour = 0; hour < 24; ++hour) {
            const Nanoseconds time = at(day) + hour * 3600 * kSecond;
            names.insert(named("", "s", time));
            CHECK(named("", "s", time) == named("", "s", time + 3600 * kSecond - 1));
        }
        CHECK(names.size() == 24);
    }
    ::unsetenv("TZ");
    ::tzset();
}

TEST_CASE(
    "object name: hostile streams stay one component below the prefix", "[sinks][archive][A09]"
) {
    for (const std::string& stream :
         {std::string("../../x"),
          std::string(".."),
          std::string("%2e%2e/"),
          std::string("a/b"),
          std::string("\0\n\x7f", 3),
          std::string(255, '/'),
          std::string("\xff\xfe"),
          std::string()}) {
        const std::string name = named("p/", stream, 0);
        INFO(name);
        CHECK(name.starts_with("p/stream="));
        CHECK(std::count(name.begin(), name.end(), '/') == 4);
        CHECK(name.find("/../") == std::string::npos);
        CHECK(name.find('\n') == std::string::npos);
        for (std::size_t from = 0; from < name.size();) {
            const std::size_t end = std::min(name.find('/', from), name.size());
            CHECK(end - from <= 255);
            from = end + 1;
        }
    }
    CHECK(named("", std::string(255, 'x'), 0) != named("", std::string(254, 'x'), 0));
}

TEST_CASE("object name: a prefix is a relative path", "[sinks][archive][A09]") {
    for (const char* good : {"", "raw", "raw/", "a/b=c/d e"})
        CHECK(is_object_prefix(good));
    for (const char* bad : {"/", "/a", "a//b", "..", "a/../b", "./a", "a\n", "a/.", "//"})
        CHECK_FALSE(is_object_prefix(bad));
    CHECK_FALSE(is_object_prefix(std::string(301, 'a')));
    CHECK(with_slash("raw") == "raw/");
    CHECK(with_slash("raw/") == "raw/");
    CHECK(with_slash("").empty());
}

TEST_CASE(
    "object name: other bytes get a name of their own with the same ending", "[sinks][archive]"
) {
    CHECK(
        name_beside("a.b/x-1.ndjson.zst", "0123456789abcdef0123") ==
        "a.b/x-1-0123456789abcdef.ndjson.zst"
    );
}

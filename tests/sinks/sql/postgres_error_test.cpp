#include "sinks/sql/postgres_error.h"

#include <catch2/catch.hpp>

namespace penstock::sinks {
namespace {

TEST_CASE("postgres errors: states are sorted into classes", "[sinks][postgres]") {
    const auto kind = [](const char* state) { return postgres_failure({state, "x"}).kind; };
    CHECK(kind("28P01") == FailureClass::credentials);
    CHECK(kind("42501") == FailureClass::credentials);
    CHECK(kind("53300") == FailureClass::throttled);
    CHECK(kind("40001") == FailureClass::transient);
    CHECK(kind("57P01") == FailureClass::transient);
    CHECK(kind("25006") == FailureClass::transient);
    CHECK(kind("") == FailureClass::transient);
    CHECK(kind("42P01") == FailureClass::configuration);
    CHECK(kind("3D000") == FailureClass::configuration);
}

TEST_CASE("postgres errors: only data and constraints blame a record", "[sinks][postgres]") {
    for (const char* state : {"22003", "22P05", "23514", "23505", "44000", "P0001", "54000"})
        CHECK(blames_record({state, ""}));
    for (const char* state : {"", "22P04", "42P01", "40001", "53100", "57014"})
        CHECK_FALSE(blames_record({state, ""}));
}

TEST_CASE("postgres errors: the state is found in a connection's text", "[sinks][postgres]") {
    const PostgresError error = connection_error(
        "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: password "
        "authentication failed for user \"a\"\nLOCATION:  auth_failed, auth.c:326\n"
    );
    CHECK(error.state == "28P01");
    CHECK(error.message == "password authentication failed for user \"a\"");
    const PostgresError plain = connection_error("connection refused\nIs the server running?\n");
    CHECK(plain.state.empty());
    CHECK(plain.message == "connection refused");
}

}  // namespace
}  // namespace penstock::sinks

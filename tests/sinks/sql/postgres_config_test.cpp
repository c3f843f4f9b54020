#include "sinks/sql/postgres_config.h"

#include "sinks/sql/postgres_sql.h"

#include <catch2/catch.hpp>

#include <string>

namespace penstock::sinks {
namespace {

std::string complaint(const std::string& more) {
    config::Problems problems;
    static_cast<void>(config::read<PostgresConfig>(
        "server: \"db:5432\"\ndatabase: d\nuser: u\n" + more, "test", problems
    ));
    return problems.text();
}

TEST_CASE("postgres: settings that fit together are taken", "[sinks][postgres]") {
    CHECK(complaint("").empty());
    CHECK(complaint("table: \"metrics.t_{stream}\"").empty());
    CHECK(complaint("types: { n: \"numeric(8, 2)[]\" }").empty());
}

TEST_CASE("postgres: settings that do not are complained about", "[sinks][postgres]") {
    using Catch::Contains;
    CHECK_THAT(complaint("table: \"{stream}\""), Contains("table"));
    CHECK_THAT(complaint("table: \"t_{device}\""), Contains("table"));
    CHECK_THAT(complaint("table: a.b.c"), Contains("schema.name"));
    CHECK_THAT(complaint("types: { n: \"int); drop table x; --\" }"), Contains("SQL type"));
    CHECK_THAT(complaint("tls: { ca: a.pem }"), Contains("use_tls"));
    CHECK_THAT(complaint("fields: [_penstock.nothing]"), Contains("_penstock.nothing"));
}

TEST_CASE("postgres: names and texts cannot leave their quotes", "[sinks][postgres]") {
    CHECK(quoted_name("a\"b") == "\"a\"\"b\"");
    CHECK(quoted_table("s.t") == "\"s\".\"t\"");
    CHECK(quoted_text("it's") == "'it''s'");
    PostgresConfig config;
    const std::string sql =
        create_sql("t", config, {{"x\" int); drop table y; --", FieldType::integer}}, false);
    CHECK_THAT(sql, Catch::Contains("\"x\"\" int); drop table y; --\" bigint"));
}

TEST_CASE("postgres: a hypertable is unique by its time too", "[sinks][postgres]") {
    const std::string sql = create_sql("m.t", PostgresConfig{}, {}, true);
    CHECK_THAT(sql, Catch::Contains("PRIMARY KEY (journal, lsn, event_time)"));
    CHECK_THAT(sql, Catch::Contains("create_hypertable('\"m\".\"t\"', 'event_time'"));
}

}  // namespace
}  // namespace penstock::sinks

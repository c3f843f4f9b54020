#include "sinks/contract/contract.h"
#include "sinks/sql/postgres_sink.h"
#include "support/fake_log.h"
#include "support/record_builder.h"
#include "support/relay.h"
#include "support/server.h"

#include <catch2/catch.hpp>
#include <libpq-fe.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

using contract::Arrival;
using contract::Fault;
using test::Relay;
using test::Server;

Server* shared() {
    static const std::unique_ptr<Server> server = [] {
        Server::Options options;
        options.ports = 1;
        auto started = Server::start("postgres", options);
        if (!started.ok()) FAIL(started.error().message);
        return std::move(started).value();
    }();
    return server.get();
}

/// Looks into the server beside the sink.
class Admin {
public:
    using Row = std::vector<std::string>;

    /// Rows of the last statement; REQUIREs that it worked, at a server that may just have
    /// restarted.
    std::vector<Row> ask(const std::string& sql) {
        for (int tries = 0;; ++tries) {
            if (!connection_) connect();
            PGresult* const result = PQexec(connection_.get(), sql.c_str());
            const bool lost = PQstatus(connection_.get()) == CONNECTION_BAD;
            if (lost && tries < 3) {
                PQclear(result);
                connection_.reset();
                continue;
            }
            INFO(sql << ": " << PQresultErrorMessage(result));
            const auto status = PQresultStatus(result);
            REQUIRE((status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK));
            std::vector<Row> rows;
            for (int i = 0; i < PQntuples(result); ++i) {
                Row& row = rows.emplace_back();
                for (int k = 0; k < PQnfields(result); ++k)
                    row.emplace_back(
                        PQgetisnull(result, i, k) != 0 ? "NULL" : PQgetvalue(result, i, k)
                    );
            }
            PQclear(result);
            return rows;
        }
    }

private:
    struct Close {
        void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
    };
    void connect() {
        const std::string address = "host=127.0.0.1 port=" + std::to_string(shared()->port()) +
                                    " dbname=penstock user=admin password=admin-secret";
        connection_.reset(PQconnectdb(address.c_str()));
    }
    std::unique_ptr<PGconn, Close> connection_;
};

std::string unique_table() {
    static std::atomic<int> number{0};
    return "t" + std::to_string(::getpid()) + "_" + std::to_string(++number);
}

PostgresConfig settings(std::uint16_t port, const std::string& table) {
    PostgresConfig config;
    config.connection.server = "127.0.0.1:" + std::to_string(port);
    config.connection.database = "penstock";
    config.connection.user = "penstock";
    config.connection.password = Secret(std::string("penstock-secret"));
    config.connection.connect_timeout = std::chrono::seconds(2);
    config.connection.reply_timeout = std::chrono::seconds(2);
    config.table = table;
    config.batch_records = 50;
    config.batch_age = std::chrono::milliseconds(5);
    config.record_max = ByteCount{10'000};
    return config;
}

std::unique_ptr<Sink> made(
    const PostgresConfig& config, const JournalId& journal, FieldCatalog fields = {}
) {
    SinkContext context;
    context.id = "rows";
    context.journal = journal;
    context.declared_fields = std::move(fields);
    return std::move(make_postgres_sink(config, context)).value();
}

/// A new table of the real server, behind a relay.
class RealPostgres final : public contract::FarSide {
public:
    RealPostgres() {
        admin_.ask(
            "create table " + table_ +
            " (seq bigserial, journal uuid, lsn bigint, device text, event_time timestamptz, "
            "status text, payload jsonb, \"heartRate\" int, unique (lsn, journal)); "
            "alter table " +
            table_ + " owner to penstock"
        );
    }
    ~RealPostgres() override { RealPostgres::set(Fault::none); }
    RealPostgres(const RealPostgres&) = delete;
    RealPostgres& operator=(const RealPostgres&) = delete;

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        return made(settings(relay_.port(), table_), journal);
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        const auto rows = admin_.ask(
            "select seq, device, (extract(epoch from event_time) * 1000000)::bigint, lsn, "
            "\"heartRate\" from " +
            table_ + " where seq > " + last_ + " order by seq"
        );
        for (const auto& row : rows) {
            last_ = row[0];
            arrived_.push_back(
                {row[1], std::stoll(row[2]) * kMicrosecond, Lsn{std::stoull(row[3])}, row[4]}
            );
        }
        return arrived_;
    }
    [[nodiscard]] std::string lacks(Fault fault) const override {
        return fault == Fault::half_accepted ? "a transaction is taken as a whole or not at all"
                                             : "";
    }
    [[nodiscard]] std::string refused_payload() override { return "{\"poison\":\"\\u0000\"}"; }
    [[nodiscard]] std::string oversized_payload() override {
        return "{\"blob\":\"" + std::string(20'000, 'x') + "\"}";
    }
    [[nodiscard]] Nanoseconds patience() const override { return 60 * kSecond; }
    void set(Fault fault) override {
        relay_.set(
            fault == Fault::unreachable         ? Relay::Mode::refuse
            : fault == Fault::hang              ? Relay::Mode::swallow
            : fault == Fault::reset_after_write ? Relay::Mode::lose_answers
                                                : Relay::Mode::pass
        );
        if (fault == Fault::crash) {
            REQUIRE(shared()->kill().ok());
            REQUIRE(shared()->restart().ok());
        }
        const bool full = fault == Fault::throttled;
        const bool denied = fault == Fault::denied;
        admin_.ask(
            std::string("alter role penstock connection limit ") + (full ? "0" : "-1") +
            (denied ? " password 'another'" : " password 'penstock-secret'")
        );
        if (full || denied) {
            admin_.ask(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where usename = 'penstock'"
            );
        }
    }

private:
    Server& server_ = *shared();
    Relay relay_{server_.port()};
    Admin admin_;
    const std::string table_ = unique_table();
    std::string last_ = "0";
    std::vector<Arrival> arrived_;
};

TEST_CASE("postgres, real server: keeps the contract", "[sinks][postgres][server][contract]") {
    contract::keeps_all([] { return std::make_unique<RealPostgres>(); });
}

/// Until `lsn` is safe, or there is a failure; for 30 s at most.
SinkProgress until(Sink& sink, Lsn lsn) {
    SinkProgress all;
    sink.flush();
    const Nanoseconds end = system_clock().monotonic() + 30 * kSecond;
    while (all.safe < lsn && !all.failure && system_clock().monotonic() < end) {
        SinkProgress progress = sink.poll(20 * kMillisecond);
        all.safe = progress.safe;
        all.failure = std::move(progress.failure);
        for (RefusedRecord& refused : progress.refused)
            all.refused.push_back(std::move(refused));
    }
    return all;
}

/// Puts a record as the runner does: again and again, until it is taken.
void put(Sink& sink, std::uint64_t lsn, const RecordView& record) {
    const Nanoseconds end = system_clock().monotonic() + 30 * kSecond;
    while (!sink.put({lsn}, record)) {
        const SinkProgress progress = sink.poll(20 * kMillisecond);
        INFO((progress.failure ? progress.failure->message : ""));
        REQUIRE_FALSE(progress.failure);
        REQUIRE(system_clock().monotonic() < end);
    }
}

/// The first failure that a record meets.
SinkFailure failure_of_one(Sink& sink) {
    test::RecordBuilder record;
    record.payload("{}");
    SinkFailure none;
    none.message = "no failure";
    const Nanoseconds end = system_clock().monotonic() + 30 * kSecond;
    bool in = false;
    while (system_clock().monotonic() < end) {
        in = in || sink.put({1}, record.view());
        if (in) sink.flush();
        const SinkProgress progress = sink.poll(20 * kMillisecond);
        if (progress.failure) return *progress.failure;
        if (progress.safe == Lsn{1}) return none;
    }
    return none;
}

FieldCatalog declares(std::vector<DeclaredField> fields) {
    return [fields](const std::vector<std::string>&) { return fields; };
}

const JournalId kJournal{{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 1, 2, 3, 4, 5, 6, 7, 8}};

TEST_CASE(
    "postgres: a table is made with the types that the stream declares", "[sinks][postgres][server]"
) {
    const std::string prefix = unique_table();
    PostgresConfig config = settings(shared()->port(), prefix + "_{stream}");
    config.create_table = true;
    config.types["mean"] = "numeric(8,2)";
    auto sink = made(
        config,
        kJournal,
        declares(
            {{"n", FieldType::integer},
             {"x", FieldType::number},
             {"on", FieldType::boolean},
             {"text", FieldType::string},
             {"any", FieldType::json},
             {"mean", FieldType::json},
             {"status", FieldType::string}}
        )
    );
    sink->reset({});
    test::RecordBuilder record;
    record.stream("wearables").status("HIGH").payload("{\"n\": 1}").score(0.25);
    record.field("n", "-9223372036854775808", FieldType::integer);
    record.field("x", "0.1", FieldType::number);
    record.field("on", "true", FieldType::boolean);
    record.field("text", "it's \"\xC3\xA4\"", FieldType::string);
    record.field("any", "[1, 2]", FieldType::json);
    record.derived("mean", "12.345", FieldType::number);
    put(*sink, 7, record.view());
    test::RecordBuilder bare;
    bare.stream("wearables").payload("{}").field("n", "null", FieldType::null);
    put(*sink, 8, bare.view());
    test::RecordBuilder other;
    other.stream("pumps").payload("{}");
    put(*sink, 9, other.view());
    CHECK(until(*sink, {9}).safe == Lsn{9});

    Admin admin;
    const auto rows = admin.ask("select * from " + prefix + "_wearables order by lsn");
    const std::vector<std::string> first{
        "01234567-89ab-cdef-0102-030405060708",
        "7",
        "w1",
        "wearables",
        "2026-01-02 03:04:05.678+00",
        "2026-01-02 03:04:06+00",
        "HIGH",
        "0.25",
        "{\"n\": 1}",
        "-9223372036854775808",
        "0.1",
        "t",
        "it's \"\xC3\xA4\"",
        "[1, 2]",
        "12.35"
    };
    REQUIRE(rows.size() == 2);
    CHECK(rows[0] == first);
    const std::vector<std::string> nothing(rows[1].begin() + 9, rows[1].end());
    CHECK(nothing == std::vector<std::string>(6, "NULL"));
    CHECK(admin.ask("select lsn from " + prefix + "_pumps").size() == 1);
}

TEST_CASE("postgres: what is sent again changes nothing", "[sinks][postgres][server]") {
    PostgresConfig config = settings(shared()->port(), unique_table());
    config.create_table = true;
    auto sink = made(config, kJournal);
    test::RecordBuilder record;
    record.payload("{}");
    for (int round = 0; round < 3; ++round) {
        sink->reset({});
        put(*sink, 1, record.view());
        CHECK(until(*sink, {1}).safe == Lsn{1});
    }
    Admin admin;
    CHECK(admin.ask("select count(*) from " + config.table)[0][0] == "1");
}

TEST_CASE(
    "postgres: a row that the table refuses costs only itself", "[sinks][postgres][server][S07]"
) {
    const std::string table = unique_table();
    Admin admin;
    admin.ask(
        "create table " + table +
        " (journal uuid, lsn bigint, n int, small smallint, who text, at timestamptz default now(),"
        " primary key (journal, lsn), check (n > 0), unique (who)); alter table " +
        table + " owner to penstock"
    );
    auto sink = made(settings(shared()->port(), table), kJournal);
    sink->reset({});
    const auto add = [&sink](std::uint64_t lsn, const char* n, const char* small, const char* who) {
        test::RecordBuilder record;
        record.payload("{}").field("who", who, FieldType::string);
        record.field("n", n, FieldType::number).field("small", small, FieldType::integer);
        put(*sink, lsn, record.view());
    };
    add(1, "1", "1", "a");
    add(2, "-1", "1", "b");     // the check
    add(3, "2.0", "1", "c");    // whole, after all
    add(4, "2.5", "1", "d");    // no integer
    add(5, "3", "70000", "e");  // no smallint
    add(6, "4", "1", "a");      // somebody else's row: never dropped without a word
    add(7, "5", "1", "f");
    const SinkProgress progress = until(*sink, {7});
    CHECK(progress.safe == Lsn{7});
    std::vector<std::uint64_t> refused;
    for (const RefusedRecord& one : progress.refused) {
        refused.push_back(one.lsn.value);
        CHECK_FALSE(one.reason.empty());
    }
    std::sort(refused.begin(), refused.end());
    CHECK(refused == std::vector<std::uint64_t>{2, 4, 5, 6});
    const auto rows =
        admin.ask("select string_agg(lsn::text, ',' order by lsn), count(at) from " + table);
    CHECK(rows[0] == std::vector<std::string>{"1,3,7", "3"});
}

TEST_CASE(
    "postgres: types that the sink does not know are cast by the server",
    "[sinks][postgres][server]"
) {
    const std::string table = unique_table();
    Admin admin;
    admin.ask(
        "create type mood_" + table + " as enum ('calm', 'wild'); create table " + table +
        " (journal text, lsn numeric, mood mood_" + table +
        ", amount numeric, address inet, seen timestamp, raw bytea, blob varchar(3),"
        " primary key (journal, lsn)); alter table " +
        table + " owner to penstock"
    );
    PostgresConfig config = settings(shared()->port(), table);
    config.rename["state"] = "mood";
    auto sink = made(config, kJournal);
    sink->reset({});
    test::RecordBuilder record;
    record.payload("{}").field("state", "wild", FieldType::string);
    record.field("amount", "123456789012345678901234567890.5", FieldType::number);
    record.field("address", "10.0.0.1", FieldType::string);
    record.field("seen", "2026-01-02T03:04:05+01:00", FieldType::string);
    record.field("raw", "ab", FieldType::string).field("blob", "xyz", FieldType::string);
    put(*sink, 1, record.view());
    CHECK(until(*sink, {1}).safe == Lsn{1});
    const auto rows = admin.ask("select * from " + table);
    REQUIRE(rows.size() == 1);
    CHECK(
        rows[0] ==
        std::vector<std::string>{
            "0123456789abcdef0102030405060708",
            "1",
            "wild",
            "123456789012345678901234567890.5",
            "10.0.0.1",
            "2026-01-02 02:04:05",
            "\\x6162",
            "xyz"
        }
    );
}

TEST_CASE(
    "postgres: what the table lacks is a matter of the settings", "[sinks][postgres][server]"
) {
    const std::string table = unique_table();
    Admin admin;
    const auto fails = [&](const PostgresConfig& config, const std::string& with) {
        auto sink = made(config, kJournal);
        sink->reset({});
        const SinkFailure failure = failure_of_one(*sink);
        CHECK(failure.kind == FailureClass::configuration);
        CHECK_THAT(failure.message, Catch::Contains(with));
        const Status probed = made(config, kJournal)->probe(10 * kSecond);
        REQUIRE_FALSE(probed.ok());
        CHECK_THAT(probed.error().message, Catch::Contains(with));
    };
    PostgresConfig config = settings(shared()->port(), table);
    fails(config, "no table");
    admin.ask(
        "create table " + table + " (journal uuid, n int); alter table " + table +
        " owner to penstock"
    );
    fails(config, "no column lsn");
    admin.ask("alter table " + table + " add column lsn bigint");
    fails(config, "unique index");
    admin.ask("create unique index on " + table + " (journal, lsn) where n > 0");
    fails(config, "unique index");
    admin.ask("create unique index on " + table + " (journal, lsn)");
    config.fields = {"n", "missing"};
    fails(config, "\"missing\"");
    config.fields = {"n"};
    admin.ask("alter table " + table + " add column payload int");
    fails(config, "payload");
    config.connection.database = "nowhere";
    fails(config, "nowhere");
}

TEST_CASE(
    "postgres: a table of another schema, with a name that wants quotes",
    "[sinks][postgres][server]"
) {
    Admin admin;
    const std::string schema = unique_table();
    admin.ask("create schema \"" + schema + " A\" authorization penstock");
    PostgresConfig config = settings(shared()->port(), schema + " A.Tele; metry'");
    config.create_table = true;
    auto sink = made(config, kJournal);
    sink->reset({});
    test::RecordBuilder record;
    record.payload("{}");
    put(*sink, 1, record.view());
    CHECK(until(*sink, {1}).safe == Lsn{1});
    CHECK(admin.ask("select lsn from \"" + schema + " A\".\"Tele; metry'\"").size() == 1);
}

TEST_CASE(
    "postgres: a probe tells who may come in, over TLS too", "[sinks][postgres][server][tls]"
) {
    const Server& server = *shared();
    PostgresConfig config = settings(server.port(), unique_table());
    config.create_table = true;
    CHECK(made(config, kJournal)->probe(10 * kSecond).ok());
    config.connection.use_tls = true;
    config.connection.tls.ca = server.value("ca");
    config.connection.server = "localhost:" + std::to_string(server.port());
    auto sink = made(config, kJournal);
    const Status safely = sink->probe(10 * kSecond);
    INFO((safely.ok() ? "" : safely.error().message));
    CHECK(safely.ok());
    sink->reset({});
    test::RecordBuilder record;
    record.payload("{}");
    put(*sink, 1, record.view());
    CHECK(until(*sink, {1}).safe == Lsn{1});
    config.connection.tls.ca.clear();  // the system's: none of them signed the test server
    const Status untrusted = made(config, kJournal)->probe(10 * kSecond);
    REQUIRE_FALSE(untrusted.ok());
    CHECK_THAT(untrusted.error().message, Catch::Contains("certificate"));
    config = settings(server.port(), unique_table());
    config.connection.password = Secret(std::string("wrong"));
    CHECK(made(config, kJournal)->probe(10 * kSecond).error().code == Errc::denied);
    config.connection.server = "127.0.0.1:1";
    CHECK(made(config, kJournal)->probe(10 * kSecond).error().code == Errc::unavailable);
}

TEST_CASE("postgres: a commit is on disk whatever the role says", "[sinks][postgres][server]") {
    Admin admin;
    const std::string table = unique_table();
    admin.ask("alter role penstock set synchronous_commit = off");
    PostgresConfig config = settings(shared()->port(), table);
    config.create_table = true;
    auto sink = made(config, kJournal);
    sink->reset({});
    test::RecordBuilder record;
    record.payload("{}");
    put(*sink, 1, record.view());
    REQUIRE(until(*sink, {1}).safe == Lsn{1});
    admin.ask(
        "create function f_" + table +
        "() returns trigger language plpgsql as $$ begin "
        "new.status := current_setting('synchronous_commit'); return new; end $$; "
        "create trigger mark before insert on " +
        table + " for each row execute function f_" + table + "()"
    );
    put(*sink, 2, record.view());
    CHECK(until(*sink, {2}).safe == Lsn{2});
    admin.ask("alter role penstock reset synchronous_commit");
    CHECK(admin.ask("select status from " + table + " where lsn = 2")[0][0] == "on");
}

}  // namespace
}  // namespace penstock::sinks

// The line protocol sink against real InfluxDB and VictoriaMetrics.
#include "base/json_text.h"
#include "base/text.h"
#include "sinks/contract/server_far_side.h"
#include "sinks/series/line_protocol_sink.h"
#include "sinks/series/series_store.h"
#include "support/fake_log.h"
#include "support/http_get.h"
#include "support/record_builder.h"
#include "support/shared_server.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>

using namespace penstock;
using namespace penstock::sinks;
using contract::Arrival;
using contract::Fault;
using test::RecordBuilder;
using test::Server;
using test::shared_server;

namespace {

constexpr Nanoseconds kNow = 1'767'225'600 * kSecond;  // 2026-01-01

std::string unique_name(const std::string& prefix) {
    static std::atomic<int> next{0};
    return prefix + std::to_string(++next);
}

/// Undoes the encoder's %XX.
std::string decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto code = text[i] == '%' && i + 2 < text.size()
                              ? text::percent_decoded(text.substr(i, 3))
                              : std::nullopt;
        out += code ? *code : std::string(1, text[i]);
        if (code) i += 2;
    }
    return out;
}

std::string encoded(std::string_view text) {
    std::string out;
    text::append_percent_encoded(out, text);
    return out;
}

/// A row of CSV with quotes as RFC 4180 has them.
std::vector<std::string> cells(std::string_view row) {
    std::vector<std::string> all(1);
    bool quoted = false;
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (row[i] == '"' && quoted && i + 1 < row.size() && row[i + 1] == '"') {
            all.back() += '"';
            ++i;
        } else if (row[i] == '"') {
            quoted = !quoted;
        } else if (row[i] == ',' && !quoted) {
            all.emplace_back();
        } else {
            all.back() += row[i];
        }
    }
    return all;
}

using Row = std::map<std::string, std::string>;

std::vector<Row> influx_rows(const Server& server, const std::string& query) {
    const std::string csv = test::http_ask(
        server.port(),
        "GET",
        "/query?db=penstock&epoch=ns&q=" + encoded(query),
        {"Accept: application/csv", "Authorization: Basic cGVuc3RvY2s6cGVuc3RvY2stc2VjcmV0"}
    );
    std::vector<Row> rows;
    std::vector<std::string> names;
    std::string_view rest = csv;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const auto row = cells(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (row.size() < 2) {
            names.clear();  // an empty line: another series follows
        } else if (names.empty()) {
            names = row;
        } else {
            Row& made = rows.emplace_back();
            for (std::size_t i = 0; i < std::min(names.size(), row.size()); ++i)
                made[names[i]] = row[i];
        }
    }
    return rows;
}

/// The JSON string or list behind `"name":` in a line of an export.
std::string json_member(std::string_view line, const std::string& name) {
    const std::size_t at = line.find("\"" + name + "\":");
    if (at == std::string_view::npos) return {};
    std::string_view rest = line.substr(at + name.size() + 3);
    if (rest.starts_with('[')) return std::string(rest.substr(1, rest.find(']') - 1));
    rest.remove_prefix(1);
    std::size_t end = 0;
    while (end < rest.size() && rest[end] != '"')
        end += rest[end] == '\\' ? 2U : 1U;
    std::string out;
    append_unescaped(
        Field{.name = {}, .text = rest.substr(0, end), .type = FieldType::string, .escaped = true},
        out
    );
    return out;
}

/// One row for each value: its labels and `value`, `time` (ms).
std::vector<Row> victoria_rows(
    const Server& server, const std::string& matcher, const std::vector<std::string>& labels
) {
    static_cast<void>(test::http_ask(server.port(), "GET", "/internal/force_flush"));
    const std::string lines =
        test::http_ask(server.port(), "GET", "/api/v1/export?match[]=" + encoded(matcher));
    std::vector<Row> rows;
    std::string_view rest = lines;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto values = cells(json_member(line, "values"));
        const auto times = cells(json_member(line, "timestamps"));
        for (std::size_t i = 0; i < std::min(values.size(), times.size()); ++i) {
            Row& row = rows.emplace_back();
            for (const std::string& label : labels)
                row[label] = json_member(line, label);
            row["value"] = values[i];
            row["time"] = times[i];
        }
    }
    return rows;
}

LineProtocolConfig settings(const Server& server, const std::string& measurement) {
    LineProtocolConfig config;
    config.endpoint = server.value("endpoint") + "/write";
    config.measurement = measurement;
    config.batch.records = 50;
    config.batch.age = std::chrono::milliseconds(20);
    config.settle = "0";
    config.http.timeout = std::chrono::seconds(30);
    return config;
}

LineProtocolConfig influx_settings(const Server& server, const std::string& measurement) {
    LineProtocolConfig config = settings(server, measurement);
    config.database = "penstock";
    return config;
}

std::unique_ptr<Sink> made(const LineProtocolConfig& config) {
    SinkContext context;
    context.id = "line";
    auto sink = std::move(make_line_protocol_sink(config, context)).value();
    sink->reset({});
    return sink;
}

/// Puts all, flushes, polls until the last is safe; at most 60 s.
SinkProgress deliver(Sink& sink, const std::vector<RecordView>& records) {
    SinkProgress all;
    const auto poll = [&] {
        SinkProgress progress = sink.poll(10 * kMillisecond);
        for (RefusedRecord& one : progress.refused)
            all.refused.push_back(std::move(one));
        all.safe = progress.safe;
        all.sent_records += progress.sent_records;
        all.failure = progress.failure;
    };
    Lsn lsn;
    for (const RecordView& record : records) {
        lsn = lsn.next();
        while (!all.failure && !sink.put(lsn, record))
            poll();
    }
    for (int i = 0; i < 6000 && all.safe < lsn && !all.failure; ++i) {
        sink.flush();
        poll();
    }
    return all;
}

class Influx final : public contract::SeriesStore<contract::ServerFarSide> {
public:
    static constexpr const char* kServer = "influx";

    Influx() : SeriesStore(*shared_server(kServer)) {}

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId&) override {
        return made(influx_settings(server(), measurement_));
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        std::vector<Arrival> all;
        for (Row& row :
             influx_rows(server(), "SELECT heartRate, deviceId FROM \"" + measurement_ + "\"")) {
            all.push_back(
                {decoded(row["deviceId"]),
                 text::parse_int(row["time"]).value_or(0),
                 std::nullopt,
                 row["heartRate"]}
            );
        }
        return all;
    }

private:
    std::string measurement_ = unique_name("contract");
};

class Victoria final : public contract::SeriesStore<contract::ServerFarSide> {
public:
    static constexpr const char* kServer = "victoria";

    explicit Victoria(std::string settle = "0")
        : SeriesStore(*shared_server(kServer)), settle_(std::move(settle)) {}

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId&) override {
        LineProtocolConfig config = settings(server(), measurement_);
        config.settle = settle_;
        return made(config);
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        std::vector<Arrival> all;
        for (Row& row : victoria_rows(server(), measurement_ + "_heartRate", {"deviceId"})) {
            all.push_back(
                {decoded(row["deviceId"]),
                 text::parse_int(row["time"]).value_or(0) * kMillisecond,
                 std::nullopt,
                 row["value"]}
            );
        }
        return all;
    }
    [[nodiscard]] Nanoseconds patience() const override { return 120 * kSecond; }
    [[nodiscard]] std::string lacks(Fault fault) const override {
        if (fault == Fault::crash && settle_ == "0") {
            return "its last seconds are lost unless they settle: a case of its own waits for that";
        }
        return SeriesStore::lacks(fault);
    }

private:
    const std::string settle_;
    std::string measurement_ = unique_name("contract");
};

template <class Store>
std::unique_ptr<contract::FarSide> far_side() {
    if (!shared_server(Store::kServer)) return nullptr;
    return std::make_unique<Store>();
}

/// Every byte in every place of a point, and more that has gone wrong elsewhere. Each record has
/// its own time.
std::vector<std::string> hostile_texts() {
    std::vector<std::string> texts;
    for (int c = 0; c < 256; ++c) {
        const std::string byte(1, static_cast<char>(c));
        for (const std::string& text : {byte, "a" + byte, byte + "b", "a" + byte + "b"})
            texts.push_back(text);
    }
    for (const char* text :
         {"a\nb,c=d e=1 1",
          "trailing\\",
          "\\,",
          "\\\\ ",
          "a\\ b=c",
          "=,",
          " ",
          "%0A",
          "\xE2\x80\xA8",
          "\"",
          "a\"b",
          "#",
          "a,b=c d=1i"})
        texts.emplace_back(text);
    return texts;
}

}  // namespace

#define PS_NEEDS(name) \
    if (!shared_server(name)) return

PS_SINK_CONTRACT("line protocol, real InfluxDB", "[sinks][series][server]", far_side<Influx>)
PS_SINK_CONTRACT("line protocol, real VictoriaMetrics", "[sinks][series][server]", far_side<Victoria>)

TEST_CASE(
    "line protocol, real VictoriaMetrics: what had not settled when it died is sent again",
    "[sinks][series][server][slow]"
) {
    if (!test::all_servers()) return;  // waits for the settle time
    contract::survives_far_crash([]() -> std::unique_ptr<contract::FarSide> {
        if (!shared_server("victoria")) return nullptr;
        return std::make_unique<Victoria>("auto");
    });
}

TEST_CASE("line sink: InfluxDB holds device, time, status and score", "[sinks][series][server]") {
    PS_NEEDS("influx");
    const bool version2 = GENERATE(false, true);
    const bool zipped = GENERATE(false, true);
    const Server& server = *shared_server("influx");
    LineProtocolConfig config = influx_settings(server, unique_name("vitals"));
    config.gzip = zipped;
    if (version2) {
        config.endpoint = server.value("endpoint") + "/api/v2/write";
        config.database = "";
        config.bucket = "penstock";
        config.org = "o";
    }
    RecordBuilder record;
    record.device("w1")
        .status("HIGH_HEART_RATE")
        .event_time(kNow + 123'456'789)
        .field("heartRate", "150", FieldType::integer)
        .score(0.875);
    auto sink = made(config);
    REQUIRE(deliver(*sink, {record.view()}).safe == Lsn{1});
    const auto rows = influx_rows(server, "SELECT * FROM \"" + config.measurement + "\"");
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].at("time") == std::to_string(kNow + 123'456'789));
    CHECK(rows[0].at("deviceId") == "w1");
    CHECK(rows[0].at("status") == "HIGH_HEART_RATE");
    CHECK(rows[0].at("heartRate") == "150");
    CHECK(rows[0].at("score") == "0.875");
}

TEST_CASE(
    "line sink: VictoriaMetrics holds device, time, status and score", "[sinks][series][server]"
) {
    PS_NEEDS("victoria");
    const Server& server = *shared_server("victoria");
    LineProtocolConfig config = settings(server, unique_name("vitals"));
    config.settle = "auto";
    RecordBuilder record;
    record.device("w1")
        .status("NORMAL")
        .event_time(kNow + 123 * kMillisecond)
        .field("heartRate", "80", FieldType::integer)
        .score(0.25);
    auto sink = made(config);
    REQUIRE(deliver(*sink, {record.view()}).safe == Lsn{1});
    CHECK(sink->settle() == kVictoriaSettle);
    const auto rows = victoria_rows(
        server, "{__name__=~\"" + config.measurement + "_.*\"}", {"__name__", "deviceId", "status"}
    );
    REQUIRE(rows.size() == 2);
    for (const Row& row : rows) {
        CHECK(row.at("deviceId") == "w1");
        CHECK(row.at("status") == "NORMAL");
        CHECK(row.at("time") == std::to_string((kNow + 123 * kMillisecond) / kMillisecond));
        CHECK(row.at("value") == (row.at("__name__").ends_with("_score") ? "0.25" : "80"));
    }
}

TEST_CASE(
    "line sink: InfluxDB's partial write costs only the bad record", "[sinks][series][server][S06]"
) {
    PS_NEEDS("influx");
    const Server& server = *shared_server("influx");
    LineProtocolConfig config = influx_settings(server, unique_name("partial"));
    config.fields = {"v", "w"};
    std::vector<RecordBuilder> records(1000);
    std::vector<RecordView> views;
    for (std::size_t i = 0; i < records.size(); ++i) {
        records[i].device("d").event_time(kNow + static_cast<Nanoseconds>(i));
        const bool bad = i == 300 || i == 301 || i == 999;
        records[i].field("v", bad ? "text" : "1", bad ? FieldType::string : FieldType::integer);
        if (i == 500) records[i].field("w", "x", FieldType::string);
        if (i == 501) records[i].field("w", "1", FieldType::integer);
        views.push_back(records[i].view());
    }
    config.batch.records = 250;
    auto sink = made(config);
    const SinkProgress progress = deliver(*sink, views);
    CHECK(progress.safe == Lsn{1000});
    std::set<std::uint64_t> refused;
    for (const RefusedRecord& one : progress.refused) {
        refused.insert(one.lsn.value);
        CHECK_THAT(one.reason, Catch::Contains("field type conflict"));
    }
    CHECK(refused.size() == 4);
    CHECK(refused.contains(301));
    CHECK(refused.contains(302));
    CHECK(refused.contains(1000));
    const auto rows = influx_rows(server, "SELECT count(v) FROM \"" + config.measurement + "\"");
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].at("count") == "996");
    CHECK(progress.sent_records < 2500);  // each batch with a bad record about twice
}

TEST_CASE("line sink: wrong credentials are an alarm, at real servers", "[sinks][series][server]") {
    const std::string name = GENERATE("influx", "victoria");
    Server::Options options;
    options.environment = {{name == "influx" ? "INFLUX_AUTH" : "VICTORIA_AUTH", "1"}};
    const Server* server = shared_server(name, options);
    if (server == nullptr) return;
    LineProtocolConfig config = influx_settings(*server, "m");
    config.user = "penstock";
    config.password = Secret(std::string("wrong"));
    RecordBuilder record;
    record.field("a", "1", FieldType::integer);
    const SinkProgress progress = deliver(*made(config), {record.view()});
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::credentials);
    CHECK(made(config)->probe(30 * kSecond).error().code == Errc::denied);
    config.password = Secret(std::string("penstock-secret"));
    CHECK(deliver(*made(config), {record.view()}).safe == Lsn{1});
    CHECK(made(config)->probe(30 * kSecond).ok());
}

TEST_CASE("line sink: a missing database is a setting", "[sinks][series][server]") {
    PS_NEEDS("influx");
    LineProtocolConfig config = influx_settings(*shared_server("influx"), "m");
    RecordBuilder record;
    record.field("a", "1", FieldType::integer);
    for (const char* database : {"nowhere", ""}) {
        config.database = database;
        const SinkProgress progress = deliver(*made(config), {record.view()});
        REQUIRE(progress.failure);
        CHECK(progress.failure->kind == FailureClass::configuration);
        CHECK(progress.refused.empty());
    }
}

TEST_CASE("line sink: https with a private CA, and no other", "[sinks][series][server]") {
    Server::Options options;
    options.environment = {{"INFLUX_TLS", "1"}};
    const Server* server = shared_server("influx", options);
    if (server == nullptr) return;
    const char* cache = std::getenv("PENSTOCK_TEST_CACHE");
    const std::string ca =
        (cache ? std::string(cache) : std::string(std::getenv("HOME")) + "/.cache/penstock-test") +
        "/tls/ca.pem";
    LineProtocolConfig config = influx_settings(*server, "m");
    RecordBuilder record;
    record.field("a", "1", FieldType::integer);
    const SinkProgress progress = deliver(*made(config), {record.view()});
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::configuration);
    config.http.tls.ca = ca;
    CHECK(deliver(*made(config), {record.view()}).safe == Lsn{1});
}

TEST_CASE(
    "line sink: whatever bytes a device sends, InfluxDB sees one point each",
    "[sinks][series][server][A10]"
) {
    PS_NEEDS("influx");
    const Server& server = *shared_server("influx");
    const auto texts = hostile_texts();
    const std::string place = GENERATE("device", "stream", "field", "string");
    LineProtocolConfig config =
        influx_settings(server, place == "stream" ? "" : unique_name("hostile"));
    config.tags = {"deviceId"};
    if (place == "string") config.fields = {"s", "v"};
    const std::string mark = unique_name("mark");
    std::vector<RecordBuilder> records(texts.size());
    std::vector<RecordView> views;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        records[i]
            .device(place == "device" ? texts[i] : mark)
            .stream(place == "stream" ? mark + texts[i] : "s")
            .event_time(kNow + static_cast<Nanoseconds>(i));
        records[i].field("v", "1", FieldType::integer);
        // Bytes beyond UTF-8 cannot come in a payload, but the encoder does not rely on it.
        if (place == "field") records[i].field(texts[i], "2", FieldType::integer);
        if (place == "string") records[i].field("s", texts[i], FieldType::string);
        views.push_back(records[i].view());
    }
    const SinkProgress progress = deliver(*made(config), views);
    REQUIRE_FALSE(progress.failure);
    CHECK(progress.refused.empty());
    CHECK(progress.safe == Lsn{texts.size()});

    const std::string from =
        place == "stream" ? "/^" + mark + "/" : "\"" + config.measurement + "\"";
    const auto rows = influx_rows(server, "SELECT * FROM " + from);
    CHECK(rows.size() == texts.size());
    std::set<std::string> times;
    for (const Row& row : rows) {
        times.insert(row.at("time"));
        const std::size_t i =
            static_cast<std::size_t>(text::parse_int(row.at("time")).value() - kNow);
        REQUIRE(i < texts.size());
        INFO(i);
        if (place == "device") CHECK(decoded(row.at("deviceId")) == texts[i]);
        if (place == "string") CHECK(decoded(row.at("s")) == texts[i]);
        CHECK(row.at("v") == (place == "field" && texts[i] == "v" ? "2" : "1"));
    }
    CHECK(times.size() == texts.size());
}

TEST_CASE(
    "line sink: whatever bytes a device sends, VictoriaMetrics sees one point each",
    "[sinks][series][server][A10]"
) {
    PS_NEEDS("victoria");
    const Server& server = *shared_server("victoria");
    const auto texts = hostile_texts();
    const std::string place = GENERATE("device", "stream", "field", "string");
    LineProtocolConfig config = settings(server, place == "stream" ? "" : unique_name("hostile"));
    config.tags = {"deviceId", "mark"};
    if (place == "string") config.fields = {"s", "v"};
    const std::string mark = unique_name("vmark");
    std::vector<RecordBuilder> records(texts.size());
    std::vector<RecordView> views;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        records[i]
            .device(place == "device" ? texts[i] : "d")
            .stream(place == "stream" ? texts[i] : "s")
            .event_time(kNow + static_cast<Nanoseconds>(i) * kSecond);
        records[i].field("mark", mark, FieldType::string);
        if (place == "field") {
            records[i].field(texts[i], "2", FieldType::integer);
        } else {
            records[i].field("v", "1", FieldType::integer);
        }
        if (place == "string") records[i].field("s", texts[i], FieldType::string);
        views.push_back(records[i].view());
    }
    const SinkProgress progress = deliver(*made(config), views);
    REQUIRE_FALSE(progress.failure);
    CHECK(progress.safe == Lsn{texts.size()});

    const auto rows = victoria_rows(server, "{mark=\"" + mark + "\"}", {"__name__", "deviceId"});
    std::map<std::size_t, std::size_t> points;
    for (const Row& row : rows) {
        if (place == "string" && !row.at("__name__").ends_with("_v"))
            continue;  // strings are 0 there
        const std::size_t i = static_cast<std::size_t>(
            (text::parse_int(row.at("time")).value() * kMillisecond - kNow) / kSecond
        );
        REQUIRE(i < texts.size());
        INFO(i);
        ++points[i];
        if (place == "device") CHECK(decoded(row.at("deviceId")) == texts[i]);
        if (place == "stream") CHECK(decoded(row.at("__name__")) == texts[i] + "_v");
        if (place == "field")
            CHECK(decoded(row.at("__name__")) == config.measurement + '_' + texts[i]);
        CHECK(row.at("value") == (place == "field" ? "2" : "1"));
    }
    CHECK(points.size() == texts.size());
    for (const auto& [i, count] : points)
        CHECK(count == 1);
}

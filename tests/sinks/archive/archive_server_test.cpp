// The archive sink against a real S3 server that verifies signatures and body hashes.
#include "sinks/archive/archive_sink.h"
#include "sinks/archive/archived.h"
#include "sinks/archive/object_name.h"
#include "sinks/archive/object_reader.h"
#include "sinks/archive/s3_call.h"
#include "sinks/archive/verify.h"
#include "sinks/contract/server_far_side.h"
#include "support/fake_clock.h"
#include "support/record_builder.h"
#include "support/shared_server.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

using namespace penstock;
using namespace penstock::sinks;
using contract::Arrival;
using contract::Fault;
using test::Objects;
using test::RecordBuilder;
using test::Server;

namespace {

constexpr Nanoseconds kNoon = 1'767'268'800 * kSecond;  // 2026-01-01T12:00:00Z

Server* shared(bool tls = false) {
    Server::Options options;
    options.environment = {{"S3_BUCKET", "telemetry"}};
    if (tls) options.environment["S3_TLS"] = "1";
    return test::shared_server("s3", options);
}

S3StoreConfig bucket_of(const Server& server, const std::string& prefix) {
    S3StoreConfig config;
    config.endpoint = server.value("endpoint");
    config.bucket = "telemetry";
    config.prefix = prefix;
    config.credentials.access_key = "penstock";
    config.credentials.secret_key = Secret(std::string("penstock-secret"));
    config.http.timeout = std::chrono::seconds(30);
    config.http.tls.ca = server.value("ca");
    return config;
}

std::string unique_prefix() {
    static int next = 0;
    return "test " + std::to_string(++next) + "/a+b=ü~";
}

/// A prefix of its own in the shared bucket, whose objects are plain files.
struct Place {
    Place() { config.window.age = std::chrono::milliseconds(20); }

    std::unique_ptr<Sink> sink(const JournalId& journal = JournalId{{9}}) {
        SinkContext context;
        context.id = "lake";
        context.journal = journal;
        context.state_dir = dir / "state";
        context.declared_fields = test::contract_fields;
        auto made = make_archive_sink(config, context);
        if (!made.ok()) FAIL(made.error().message);
        return *std::move(made);
    }
    [[nodiscard]] Objects objects(const Server& server) const {
        return test::objects_below(server.folder() + "/data/telemetry/" + prefix);
    }

    test::TempDir dir;
    std::string prefix = unique_prefix();
    ArchiveConfig config;
};

SinkProgress deliver(Sink& sink, const std::vector<RecordView>& records) {
    SinkProgress progress;
    sink.reset({});
    Lsn lsn;
    for (const RecordView& record : records) {
        lsn = lsn.next();
        while (!sink.put(lsn, record))
            static_cast<void>(sink.poll(10 * kMillisecond));
    }
    for (int i = 0; i < 6000 && progress.safe < lsn && !progress.failure; ++i) {
        sink.flush();
        progress = sink.poll(10 * kMillisecond);
    }
    return progress;
}

class Bucket final : public contract::ServerFarSide {
public:
    explicit Bucket(ArchiveFormat format) : ServerFarSide(*shared()) {
        place_.config.format = format;
    }

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        place_.config.s3 = bucket_of(server(), place_.prefix);
        return place_.sink(journal);
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        return test::arrivals_in(place_.objects(server()));
    }
    [[nodiscard]] std::string lacks_refusal() const override {
        return "an object store does not look into objects";
    }
    [[nodiscard]] std::string lacks_size_bound() const override {
        return "a record is never too large for an object";
    }

private:
    Place place_;
};

std::unique_ptr<contract::FarSide> bucket() {
    if (!shared()) return nullptr;
    return std::make_unique<Bucket>(ArchiveFormat::ndjson);
}

std::unique_ptr<contract::FarSide> bucket_of_tables() {
    if (!shared() || test::ParquetReaders::shared() == nullptr) return nullptr;
    return std::make_unique<Bucket>(ArchiveFormat::parquet);
}

std::string noise(std::size_t size) {
    std::string bytes;
    std::uint64_t x = 88172645463325252ULL;
    while (bytes.size() < size) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes.append(reinterpret_cast<const char*>(&x), sizeof x);
    }
    return bytes;
}

std::string uploads_under_way(const S3StoreConfig& config) {
    S3Signer signer(config, system_clock());
    HttpClient client(config.http);
    auto answer = client.call(signer.request({"GET", {}, {{"uploads", ""}}, {}, {}, {}}).value());
    return answer.ok() ? answer->body : answer.error().message;
}

}  // namespace

#define PS_NEEDS_S3 \
    if (!shared()) return

PS_SINK_CONTRACT("archive, real S3", "[sinks][archive][server]", bucket)
TEST_CASE(
    "archive, Parquet at a real S3: keeps the contract",
    "[sinks][archive][parquet][server][contract]"
) {
    contract::keeps_all(bucket_of_tables);
}

TEST_CASE(
    "archive: S3 holds device, time, status and score, over http and https",
    "[sinks][archive][server]"
) {
    const bool tls = GENERATE(false, true);
    const Server* server = shared(tls);
    if (!server) return;
    Place place;
    place.config.s3 = bucket_of(*server, place.prefix);
    RecordBuilder record;
    record.device("w1")
        .status("HIGH_HEART_RATE")
        .event_time(kNoon)
        .payload(R"({"heartRate":150})")
        .score(0.875);
    REQUIRE(deliver(*place.sink(), {record.view()}).safe == Lsn{1});
    const Objects objects = place.objects(*server);
    REQUIRE(objects.size() == 1);
    CHECK_THAT(
        objects.begin()->first, Catch::StartsWith("stream=wearables/date=2026-01-01/hour=12/")
    );
    const std::string line = test::text_of(objects.begin()->second);
    CHECK(test::member(line, "device") == "w1");
    CHECK(test::member(line, "eventTime") == "2026-01-01T12:00:00.000Z");
    CHECK_THAT(
        line,
        Catch::StartsWith(
            R"({"heartRate":150,"status":"HIGH_HEART_RATE","score":0.875,"processedAt":")"
        )
    );
}

TEST_CASE("archive: a wrong secret is an alarm, at a real S3", "[sinks][archive][server]") {
    PS_NEEDS_S3;
    Place place;
    place.config.s3 = bucket_of(*shared(), place.prefix);
    RecordBuilder record;
    SECTION("secret") {
        place.config.s3->credentials.secret_key = Secret(std::string("wrong"));
    }
    SECTION("key") {
        place.config.s3->credentials.access_key = "nobody";
    }
    const SinkProgress progress = deliver(*place.sink(), {record.view()});
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::credentials);
    CHECK(progress.safe == Lsn{0});
    CHECK(place.sink()->probe(30 * kSecond).error().code == Errc::denied);
}

TEST_CASE("archive: a missing bucket is a setting, at a real S3", "[sinks][archive][server]") {
    PS_NEEDS_S3;
    Place place;
    place.config.s3 = bucket_of(*shared(), place.prefix);
    CHECK(place.sink()->probe(30 * kSecond).ok());
    place.config.s3->bucket = "nowhere";
    RecordBuilder record;
    const SinkProgress progress = deliver(*place.sink(), {record.view()});
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::configuration);
    CHECK_FALSE(place.sink()->probe(30 * kSecond).ok());
}

TEST_CASE("archive: a clock that is wrong passes, with words for it", "[sinks][archive][server]") {
    PS_NEEDS_S3;
    class LateClock final : public Clock {
        [[nodiscard]] Nanoseconds wall() const noexcept override {
            return system_clock().wall() - 3600 * kSecond;
        }
        [[nodiscard]] Nanoseconds monotonic() const noexcept override {
            return system_clock().monotonic();
        }
    };
    const LateClock clock;
    Place place;
    place.config.s3 = bucket_of(*shared(), place.prefix);
    SinkContext context;
    context.id = "lake";
    context.state_dir = place.dir / "state";
    context.clock = &clock;
    auto sink = std::move(make_archive_sink(place.config, context)).value();
    RecordBuilder record;
    const SinkProgress progress = deliver(*sink, {record.view()});
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::transient);
    CHECK_THAT(progress.failure->message, Catch::Contains("clock"));
}

TEST_CASE(
    "archive: a large object goes up in parts to a real S3, over the remains of a killed upload",
    "[sinks][archive][server][S10]"
) {
    const bool tls = GENERATE(false, true);
    const Server* server = shared(tls);
    if (!server) return;
    Place place;
    place.config.s3 = bucket_of(*server, place.prefix);
    place.config.s3->multipart_above = 5_MiB;
    place.config.s3->part_size = 5_MiB;
    place.config.format = ArchiveFormat::raw;
    const std::string payload = noise(12 << 20);
    RecordBuilder record;
    record.payload(payload).event_time(kNoon);

    auto killed = place.sink();
    killed->reset({});
    REQUIRE(killed->put({1}, record.view()));
    killed->flush();
    for (int i = 0;
         i < 500 && uploads_under_way(*place.config.s3).find("<UploadId>") == std::string::npos;
         ++i) {
        REQUIRE_FALSE(killed->poll(kMillisecond).failure);
    }
    killed.reset();

    REQUIRE(deliver(*place.sink(), {record.view()}).safe == Lsn{1});
    const Objects objects = place.objects(*server);
    REQUIRE(objects.size() == 1);
    const std::string text = test::text_of(objects.begin()->second);
    CHECK(text.substr(text.find('\n') + 1, payload.size()) == payload);
    CHECK(uploads_under_way(*place.config.s3).find("<UploadId>") == std::string::npos);
}

TEST_CASE(
    "archive: the same window again leaves the same object, at a real S3",
    "[sinks][archive][server]"
) {
    PS_NEEDS_S3;
    Place place;
    place.config.s3 = bucket_of(*shared(), place.prefix);
    std::vector<RecordBuilder> records(20);
    std::vector<RecordView> views;
    for (std::size_t i = 0; i < records.size(); ++i)
        views.push_back(records[i].device("d" + std::to_string(i)).view());
    REQUIRE(deliver(*place.sink(), views).safe == Lsn{20});
    const Objects before = place.objects(*shared());
    REQUIRE(deliver(*place.sink(), views).safe == Lsn{20});
    CHECK(place.objects(*shared()) == before);
    std::filesystem::remove(place.dir / "state/windows");  // and without the sink's memory: 412
    REQUIRE(deliver(*place.sink(), views).safe == Lsn{20});
    CHECK(place.objects(*shared()) == before);
}

TEST_CASE(
    "archive: credentials that rotate in their file are taken up, at a real S3",
    "[sinks][archive][server]"
) {
    PS_NEEDS_S3;
    Place place;
    place.config.s3 = bucket_of(*shared(), place.prefix);
    place.config.s3->credentials = {};
    place.config.s3->credentials.credentials_file = place.dir / "keys";
    std::ofstream(place.dir / "keys")
        << "[default]\naws_access_key_id = penstock\naws_secret_access_key = old\n";
    auto sink = place.sink();
    RecordBuilder record;
    const SinkProgress denied = deliver(*sink, {record.view()});
    REQUIRE(denied.failure);
    CHECK(denied.failure->kind == FailureClass::credentials);
    std::ofstream(place.dir / "keys")
        << "[default]\naws_access_key_id = penstock\naws_secret_access_key = penstock-secret\n";
    CHECK(deliver(*sink, {record.view()}).safe == Lsn{1});
}

TEST_CASE(
    "archive: hostile names stay below the prefix, at a real S3", "[sinks][archive][server][A09]"
) {
    PS_NEEDS_S3;
    Place place;
    place.config.s3 = bucket_of(*shared(), place.prefix);
    const std::vector<std::string> names{
        "../../../etc",
        "..",
        "%2e%2e%2f",
        "/abs",
        "a/b",
        "\xC3\xBC\xF0\x9F\x92\x93",
        "nul\\con:",
        std::string(255, 'x'),
        std::string("\x01\n", 2),
        "a b+c=d&e?f#g"
    };
    std::vector<RecordBuilder> records(names.size());
    std::vector<RecordView> views;
    for (std::size_t i = 0; i < names.size(); ++i)
        views.push_back(records[i].stream(names[i]).device(names[i]).event_time(kNoon).view());
    const Objects outside = test::objects_below(shared()->folder() + "/data");
    REQUIRE(deliver(*place.sink(), views).safe == Lsn{names.size()});
    const Objects inside = place.objects(*shared());
    CHECK(inside.size() == names.size());
    CHECK(
        test::objects_below(shared()->folder() + "/data").size() == outside.size() + names.size()
    );
    std::set<std::string> devices;
    for (const Arrival& arrival : test::arrivals_in(inside))
        devices.insert(arrival.device);
    CHECK(devices == std::set<std::string>(names.begin(), names.end()));
}

TEST_CASE("archive verify: a real bucket is asked, object by object", "[sinks][archive][server]") {
    PS_NEEDS_S3;
    Place place;
    place.config.s3 = bucket_of(*shared(), place.prefix);
    std::vector<RecordBuilder> records(60);
    std::vector<RecordView> views;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const auto hour = static_cast<Nanoseconds>(i) * 3600 * kSecond;
        views.push_back(records[i].event_time(kNoon + hour).payload("{\"n\":1}").view());
    }
    place.config.window.partitions = 20;
    test::FakeClock clock;
    clock.advance(system_clock().wall() - clock.wall() + 300 * kSecond);
    SinkContext context;
    context.id = "lake";
    context.journal = JournalId{{9}};
    context.state_dir = place.dir / "state";
    context.clock = &clock;
    auto sink = make_archive_sink(place.config, context);
    REQUIRE(sink.ok());
    REQUIRE(deliver(**sink, views).safe == Lsn{views.size()});
    const auto verified = [&](bool deep) {
        std::ostringstream out;
        const auto found =
            verify_archive({place.config, "lake", place.dir / "state", {}, 0, deep}, clock, out);
        if (!found.ok()) FAIL(found.error().message);
        INFO(out.str());
        return std::pair(*found, out.str());
    };
    CHECK(verified(false).first == 0);
    CHECK_THAT(verified(true).second, Catch::Contains("60 records archived"));
    clock.set_wall(-300 * kSecond);  // set back: the manifest goes out
    for (int i = 0;
         i < 600 &&
         test::objects_below(shared()->folder() + "/data/telemetry/" + place.prefix + "/manifest")
             .empty();
         ++i)
        static_cast<void>((*sink)->poll(10 * kMillisecond));
    CHECK(verified(false).first == 0);
    CHECK_THAT(verified(false).second, Catch::Contains("1 manifests"));
    CHECK(make_object_reader(place.config, clock, 7)->list(with_slash(place.prefix))->size() == 61);
    const std::string folder = shared()->folder() + "/data/telemetry/" + place.prefix + '/';
    const Objects objects = place.objects(*shared());
    const auto object = std::find_if(objects.begin(), objects.end(), [](const auto& o) {
        return o.first.find("stream=") != std::string::npos;
    });
    REQUIRE(object != objects.end());
    const auto manifest = std::find_if(objects.begin(), objects.end(), [](const auto& o) {
        return o.first.starts_with("manifest/");
    });
    REQUIRE(manifest != objects.end());
    const auto write = [&folder](const std::string& name, std::string_view bytes) {
        std::ofstream(folder + name, std::ios::binary) << bytes;
    };
    const auto undo = [&] { write(object->first, object->second); };
    INFO(object->first);
    {
        write("foreign.txt", "not ours");
        const auto [findings, said] = verified(false);
        CHECK(findings == 1);
        CHECK_THAT(said, Catch::Contains("foreign.txt: is not of this archive"));
        std::filesystem::remove(folder + "foreign.txt");
    }
    {
        write(object->first, std::string_view(object->second).substr(1));
        const auto [findings, said] = verified(false);
        CHECK(findings == 1);
        CHECK_THAT(said, Catch::Contains(object->first + ": has "));
        undo();
    }
    {
        std::string altered = object->second;
        altered.back() = static_cast<char>(altered.back() ^ 1);
        write(object->first, altered);
        const auto [findings, said] = verified(true);
        CHECK(findings == 1);
        CHECK_THAT(said, Catch::Contains(object->first + ": has another SHA-256"));
        undo();
        CHECK(verified(true).first == 0);
    }
    {
        std::filesystem::remove(folder + object->first);
        const auto [findings, said] = verified(false);
        CHECK(findings == 1);
        CHECK_THAT(said, Catch::Contains(object->first + ": is missing (1 records, LSN "));
        undo();
    }
    {
        std::filesystem::remove(folder + manifest->first);
        const auto [findings, said] = verified(false);
        CHECK(findings >= 1);
        CHECK_THAT(said, Catch::Contains(manifest->first + ": is missing (the sink's state"));
    }
}

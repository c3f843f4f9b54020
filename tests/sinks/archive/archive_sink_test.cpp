#include "sinks/archive/archive_sink.h"

#include "base/metrics.h"
#include "sinks/archive/archived.h"
#include "sinks/archive/fake_s3.h"
#include "sinks/contract/contract.h"
#include "support/fake_clock.h"
#include "support/record_builder.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <set>

using namespace penstock;
using namespace penstock::sinks;
using contract::Arrival;
using contract::Fault;
using test::FakeHttpReply;
using test::FakeHttpRequest;
using test::FakeS3;
using test::Objects;
using test::RecordBuilder;
using Manner = FakeHttpReply::Manner;

namespace {

const JournalId kJournal{{1, 2, 3}};
constexpr Nanoseconds kNoon = 1'767'268'800 * kSecond;  // 2026-01-01T12:00:00Z

ArchiveConfig small_windows() {
    ArchiveConfig config;
    config.window.age = std::chrono::milliseconds(20);
    return config;
}

S3StoreConfig bucket_at(const std::string& endpoint) {
    S3StoreConfig config;
    config.endpoint = endpoint;
    config.bucket = "bucket";
    config.prefix = "lake";
    config.credentials.access_key = "A";
    config.credentials.secret_key = Secret(std::string("S"));
    config.http.timeout = std::chrono::seconds(5);
    config.http.connect_timeout = std::chrono::seconds(5);
    return config;
}

std::unique_ptr<Sink> made(
    const ArchiveConfig& config,
    const std::filesystem::path& state,
    const JournalId& journal,
    metrics::Registry* registry,
    const Clock& clock
) {
    SinkContext context;
    context.id = "lake";
    context.journal = journal;
    context.state_dir = state;
    context.metrics = registry;
    context.clock = &clock;
    context.declared_fields = test::contract_fields;
    auto sink = make_archive_sink(config, context);
    if (!sink.ok()) throw std::runtime_error(sink.error().message);
    return *std::move(sink);
}

/// A folder: no faults to be had.
class Folder final : public contract::FarSide {
public:
    explicit Folder(ArchiveFormat format = ArchiveFormat::ndjson) : format_(format) {}

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        ArchiveConfig config = small_windows();
        config.format = format_;
        config.local = LocalStoreConfig{dir_ / "lake"};
        return made(config, dir_ / "state", journal, nullptr, system_clock());
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        return test::arrivals_in(test::objects_below(dir_ / "lake"));
    }
    [[nodiscard]] Nanoseconds patience() const override { return 60 * kSecond; }
    [[nodiscard]] std::string lacks(Fault fault) const override {
        return fault == Fault::none ? "" : "a folder has none of the faults of a service";
    }
    [[nodiscard]] std::string lacks_refusal() const override {
        return "an object store does not look into objects";
    }
    [[nodiscard]] std::string lacks_size_bound() const override {
        return "a record is never too large for an object";
    }
    void set(Fault) override {}

private:
    ArchiveFormat format_;
    test::TempDir dir_;
};

class Bucket final : public contract::FarSide {
public:
    explicit Bucket(ArchiveFormat format = ArchiveFormat::ndjson) : format_(format) {}

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        ArchiveConfig config = small_windows();
        config.format = format_;
        config.s3 = bucket_at(s3_.endpoint());
        return made(config, dir_ / "state", journal, nullptr, system_clock());
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        Objects objects;
        for (const auto& [key, object] : s3_.objects())
            objects[key] = object.bytes;
        return test::arrivals_in(objects);
    }
    [[nodiscard]] Nanoseconds patience() const override { return 60 * kSecond; }
    [[nodiscard]] std::string lacks(Fault fault) const override {
        return fault == Fault::half_accepted ? "a store takes an object as a whole" : "";
    }
    [[nodiscard]] std::string lacks_refusal() const override {
        return "an object store does not look into objects";
    }
    [[nodiscard]] std::string lacks_size_bound() const override {
        return "a record is never too large for an object";
    }
    void set(Fault fault) override {
        if (fault == Fault::unreachable) return s3_.server().go_away();
        s3_.server().come_back();
        s3_.set_fault(nullptr);
        if (fault == Fault::crash) {
            s3_.server().go_away();
            return s3_.server().come_back();
        }
        if (fault == Fault::throttled) always(FakeS3::error(503, "SlowDown"));
        if (fault == Fault::denied) always(FakeS3::error(403, "SignatureDoesNotMatch"));
        if (fault == Fault::hang) always({200, {}, "", Manner::hang});
        if (fault == Fault::reset_after_write) {
            s3_.lose_answer([](const FakeHttpRequest& request) { return request.method == "PUT"; });
        }
    }

private:
    void always(FakeHttpReply answer) {
        s3_.set_fault([reply = std::move(answer)](const FakeHttpRequest&) { return reply; });
    }

    ArchiveFormat format_;
    test::TempDir dir_;
    FakeS3 s3_;
};

/// Null where nobody can read what was written.
template <class FarSide>
std::unique_ptr<contract::FarSide> in_tables() {
    if (test::ParquetReaders::shared() == nullptr) return nullptr;
    return std::make_unique<FarSide>(ArchiveFormat::parquet);
}

/// A sink by hand, in a folder or a bucket, that can be killed and started again.
struct Bench {
    Bench() {
        config.window.age = std::chrono::hours(1);
        config.local = LocalStoreConfig{dir / "lake"};
    }

    void use(FakeS3& s3) {
        config.local.reset();
        config.s3 = bucket_at(s3.endpoint());
    }
    Sink& sink() {
        if (!running) start({});
        return *running;
    }
    /// As after a kill: nothing but the files is left.
    void start(Lsn safe) {
        running = made(config, dir / "state", kJournal, &registry, clock);
        running->reset(safe);
        reported = safe;
    }
    RecordBuilder record(std::uint64_t lsn) {
        RecordBuilder record;
        record.device("d" + std::to_string(lsn))
            .event_time(kNoon + static_cast<Nanoseconds>(lsn) * kSecond)
            .payload("{\"n\":" + std::to_string(lsn) + "}");
        return record;
    }
    void put(std::uint64_t lsn) { put(lsn, record(lsn)); }
    void put(std::uint64_t lsn, RecordBuilder record) {
        for (int i = 0; i < 100; ++i) {
            if (sink().put({lsn}, record.view())) return;
            const auto progress = sink().poll(10 * kMillisecond);
            REQUIRE_FALSE(progress.failure);
            reported = progress.safe;
        }
        FAIL("the sink stays full");
    }
    void put(std::uint64_t from, std::uint64_t to) {
        for (std::uint64_t lsn = from; lsn <= to; ++lsn)
            put(lsn);
    }
    /// Until something is reported, for at most 20 s.
    SinkProgress report() {
        SinkProgress progress;
        for (int i = 0; i < 2000; ++i) {
            progress = sink().poll(10 * kMillisecond);
            if (progress.safe > reported || progress.failure) break;
        }
        reported = progress.safe;
        return progress;
    }
    Lsn ship() {
        sink().flush();
        const SinkProgress progress = report();
        if (progress.failure) FAIL(progress.failure->message);
        return progress.safe;
    }
    /// Flushes what is no full window, until `lsn` is safe.
    void ship_until(Lsn lsn) {
        for (int i = 0; i < 100 && reported < lsn; ++i)
            ship();
        REQUIRE(reported >= lsn);
    }
    /// The same without flushing.
    void report_until(Lsn lsn) {
        for (int i = 0; i < 100 && reported < lsn; ++i)
            REQUIRE_FALSE(report().failure);
        REQUIRE(reported >= lsn);
    }
    [[nodiscard]] Objects objects() const { return test::objects_below(dir / "lake"); }
    [[nodiscard]] double count(const std::string& name) const {
        return registry.value(name, {{"sink", "lake"}});
    }

    test::TempDir dir;
    test::FakeClock clock;
    metrics::Registry registry;
    ArchiveConfig config;
    std::unique_ptr<Sink> running;
    Lsn reported;
};

Objects bytes_in(const FakeS3& s3) {
    Objects objects;
    for (const auto& [key, object] : s3.objects())
        objects[key] = object.bytes;
    return objects;
}

std::size_t count(const std::vector<std::string>& log, const std::string& what) {
    std::size_t n = 0;
    for (const std::string& line : log)
        n += line.find(what) != std::string::npos ? 1U : 0U;
    return n;
}

/// An object of many parts: bytes that do not compress.
void put_large(Bench& bench) {
    std::string noise;
    std::uint64_t x = 88172645463325252ULL;
    while (noise.size() < (12 << 20)) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        noise.append(reinterpret_cast<const char*>(&x), sizeof x);
    }
    bench.config.format = ArchiveFormat::raw;
    bench.config.window.bytes = 64_MiB;
    bench.put(1, bench.record(1).payload(noise));
}

void small_parts(Bench& bench) {
    bench.config.s3->multipart_above = 5_MiB;
    bench.config.s3->part_size = 5_MiB;
}

}  // namespace

PS_SINK_CONTRACT("archive, local folder", "[sinks][archive]", [] {
    return std::make_unique<Folder>();
})
PS_SINK_CONTRACT("archive, fake bucket", "[sinks][archive]", [] {
    return std::make_unique<Bucket>();
})
PS_SINK_CONTRACT("archive, Parquet in a folder", "[sinks][archive][parquet]", in_tables<Folder>)
PS_SINK_CONTRACT("archive, Parquet in a fake bucket", "[sinks][archive][parquet]", in_tables<Bucket>)

TEST_CASE("archive: a window becomes one object per stream and event hour", "[sinks][archive]") {
    Bench bench;
    bench.put(1);
    bench.put(2, bench.record(2).stream("pumps"));
    bench.put(3, bench.record(3).event_time(kNoon - kSecond));
    bench.put(4);
    CHECK(bench.ship() == Lsn{4});
    const std::string range =
        "/01020300000000000000000000000000-00000000000000000001-00000000000000000004.ndjson.zst";
    const Objects objects = bench.objects();
    std::set<std::string> names;
    for (const auto& [name, bytes] : objects)
        names.insert(name);
    CHECK(
        names ==
        std::set<std::string>{
            "stream=pumps/date=2026-01-01/hour=12" + range,
            "stream=wearables/date=2026-01-01/hour=11" + range,
            "stream=wearables/date=2026-01-01/hour=12" + range,
        }
    );
    CHECK(
        test::lines_of(test::text_of(objects.at("stream=wearables/date=2026-01-01/hour=12" + range))
        )
            .size() == 2
    );
    CHECK(bench.count("penstock_archive_objects_total") == 3);
    CHECK(bench.count("penstock_archive_windows_total") == 1);
}

TEST_CASE("archive: late data goes into its own true hour", "[sinks][archive]") {
    Bench bench;
    bench.put(1, bench.record(1).event_time(kNoon - 400LL * 24 * 3600 * kSecond));
    bench.ship();
    REQUIRE(bench.objects().size() == 1);
    CHECK_THAT(bench.objects().begin()->first, Catch::Contains("date=2024-11-27/hour=12/"));
}

TEST_CASE("archive: windows close by size, age, objects and flush", "[sinks][archive]") {
    Bench bench;
    SECTION("size") {
        bench.config.window.bytes = 64_KiB;
        for (std::uint64_t lsn = 1; lsn <= 200; ++lsn)
            bench.put(
                lsn, bench.record(lsn).payload(std::string(1000, static_cast<char>('a' + lsn % 26)))
            );
        CHECK(bench.report().safe > Lsn{30});
    }
    SECTION("age") {
        bench.put(1);
        CHECK(bench.sink().poll(0).safe == Lsn{0});
        bench.clock.advance(3600 * kSecond);
        CHECK(bench.report().safe == Lsn{1});
    }
    SECTION("objects") {
        bench.config.window.partitions = 3;
        for (std::uint64_t lsn = 1; lsn <= 4; ++lsn)
            bench.put(
                lsn, bench.record(lsn).event_time(static_cast<Nanoseconds>(lsn) * 3600 * kSecond)
            );
        CHECK(bench.report().safe == Lsn{4});
    }
    CHECK_FALSE(bench.objects().empty());
}

TEST_CASE("archive: more records than a window holds flow on", "[sinks][archive]") {
    Bench bench;
    bench.config.window.bytes = 64_KiB;
    bench.put(1, 3000);
    CHECK(bench.ship() <= Lsn{3000});
    bench.ship_until({3000});
    CHECK(test::arrivals_in(bench.objects()).size() == 3000);
}

TEST_CASE("archive: what was skipped is safe without an object", "[sinks][archive]") {
    Bench bench;
    bench.sink().skip({7});
    CHECK(bench.report().safe == Lsn{7});
    bench.put(8);
    bench.sink().skip({9});
    CHECK(bench.ship() == Lsn{9});
    CHECK(bench.objects().size() == 1);
    CHECK_THAT(
        bench.objects().begin()->first,
        Catch::Contains("-00000000000000000008-00000000000000000009.")
    );
}

TEST_CASE("archive: after a kill the same records give the same objects", "[sinks][archive]") {
    Bench bench;
    bench.put(1, 5);
    REQUIRE(bench.ship() == Lsn{5});
    bench.put(6, 9);
    REQUIRE(bench.ship() == Lsn{9});
    const Objects before = bench.objects();
    // The cursor was not saved: everything comes again, and more that was not there.
    bench.start({});
    bench.put(1, 12);
    bench.report_until({9});
    CHECK(bench.ship() == Lsn{12});
    const Objects after = bench.objects();
    CHECK(after.size() == 3);
    for (const auto& [name, bytes] : before)
        CHECK(after.at(name) == bytes);
    CHECK(bench.count("penstock_archive_conflicts_total") == 0);
}

TEST_CASE(
    "archive: a window that was closed keeps its settings through a change of them",
    "[sinks][archive]"
) {
    Bench bench;
    bench.put(1, 5);
    REQUIRE(bench.ship() == Lsn{5});
    const Objects before = bench.objects();
    bench.config.format = ArchiveFormat::raw;
    bench.config.level = 7;
    bench.start({});
    bench.put(1, 7);
    bench.report_until({5});
    CHECK(bench.objects() == before);
    bench.ship();
    CHECK(bench.objects().size() == 2);
    CHECK_THAT(
        bench.objects().rbegin()->first,
        Catch::EndsWith("-00000000000000000006-00000000000000000007.raw.zst")
    );
}

TEST_CASE(
    "archive: windows of before are kept apart from what comes in front of them", "[sinks][archive]"
) {
    Bench bench;
    bench.put(1, 5);
    REQUIRE(bench.ship() == Lsn{5});
    bench.put(6, 9);
    REQUIRE(bench.ship() == Lsn{9});
    // A replay from the middle of the first window.
    bench.start({2});
    bench.put(3, 9);
    bench.report_until({9});
    CHECK(bench.objects().size() == 3);
    const auto names = bench.objects();
    CHECK(std::any_of(names.begin(), names.end(), [](const auto& o) {
        return o.first.find("00003-00000000000000000005.") != std::string::npos;
    }));
}

TEST_CASE(
    "archive: a window of before whose records are no longer wanted passes", "[sinks][archive]"
) {
    Bench bench;
    bench.put(1, 5);
    REQUIRE(bench.ship() == Lsn{5});
    bench.start({});
    bench.sink().skip({3});
    CHECK(bench.sink().poll(0).safe == Lsn{0});
    bench.sink().skip({6});
    CHECK(bench.report().safe == Lsn{6});
    bench.put(7);
    CHECK(bench.ship() == Lsn{7});
}

TEST_CASE("archive: other bytes under a name are never overwritten", "[sinks][archive]") {
    Bench bench;
    FakeS3 s3;
    const bool local = GENERATE(true, false);
    if (!local) bench.use(s3);
    bench.put(1, 2);
    REQUIRE(bench.ship() == Lsn{2});
    bench.start({});
    bench.put(1, bench.record(1).status("OTHER"));
    bench.put(2);
    bench.report_until({2});
    const Objects objects = local ? bench.objects() : bytes_in(s3);
    CHECK(objects.size() == 2);
    CHECK(test::arrivals_in(objects).size() == 4);
    CHECK(bench.count("penstock_archive_conflicts_total") == 1);
    // And once more: both are there already.
    bench.start({});
    bench.put(1, bench.record(1).status("OTHER"));
    bench.put(2);
    bench.report_until({2});
    CHECK((local ? bench.objects() : bytes_in(s3)) == objects);
}

TEST_CASE(
    "archive: files and folders are the owner's alone, and no temporary file stays",
    "[sinks][archive]"
) {
    Bench bench;
    std::filesystem::create_directories(
        bench.dir / "lake/.penstock-01020300000000000000000000000000-lake"
    );
    std::ofstream(bench.dir / "lake/.penstock-01020300000000000000000000000000-lake/object")
        << "half";
    bench.put(1);
    bench.ship();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(bench.dir / "lake")) {
        struct stat info{};
        REQUIRE(::lstat(entry.path().c_str(), &info) == 0);
        INFO(entry.path());
        if (entry.is_regular_file()) CHECK((info.st_mode & 0777) == 0600);
        if (entry.path().filename() == "object") FAIL("a temporary file stayed");
        if (entry.is_directory() && !entry.path().filename().string().starts_with('.'))
            CHECK((info.st_mode & 0777) == 0700);
    }
}

TEST_CASE("archive: a folder that cannot be written is a failure that passes", "[sinks][archive]") {
    Bench bench;
    std::ofstream(bench.dir / "lake") << "a file in its place";
    bench.put(1);
    bench.sink().flush();
    const SinkProgress progress = bench.report();
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::transient);
    CHECK_FALSE(bench.sink().probe(30 * kSecond).ok());
    std::filesystem::remove(bench.dir / "lake");
    bench.sink().reset({});
    bench.put(1);
    CHECK(bench.ship() == Lsn{1});
}

TEST_CASE(
    "archive: a write that finds no room leaves nothing behind, and goes well later",
    "[sinks][archive][S09]"
) {
    Bench bench;
    std::string noise;
    for (std::uint32_t i = 0; i < 50'000; ++i)
        noise += std::to_string(i * 2'654'435'761U);
    bench.put(1, bench.record(1).payload(noise));
    // No file may grow beyond 64 KiB: the same to a writer as a full disk.
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit tight{64 * 1024, before.rlim_max};
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
    bench.sink().flush();
    const SinkProgress progress = bench.report();
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::transient);
    CHECK(progress.safe == Lsn{0});
    CHECK(bench.objects().empty());
    bench.sink().reset({});
    bench.put(1, bench.record(1).payload(noise));
    CHECK(bench.report().safe == Lsn{1});
    CHECK(bench.objects().size() == 1);
}

TEST_CASE("archive: raw keeps every payload bit for bit", "[sinks][archive]") {
    Bench bench;
    bench.config.format = ArchiveFormat::raw;
    const std::vector<std::string> payloads{
        "{\"a\":1}", "line\nbreak", std::string("\0\xff\n\n", 4), ""
    };
    for (std::size_t i = 0; i < payloads.size(); ++i)
        bench.put(i + 1, bench.record(i + 1).payload(payloads[i]));
    bench.ship();
    REQUIRE(bench.objects().size() == 1);
    const std::string text = test::text_of(bench.objects().begin()->second);
    std::string_view rest = text;
    for (const std::string& payload : payloads) {
        const std::size_t end = rest.find('\n');
        const std::size_t size = test::number(rest.substr(0, end), "bytes");
        CHECK(size == payload.size());
        CHECK(rest.substr(end + 1, size) == payload);
        rest.remove_prefix(end + 1 + size + 1);
    }
    CHECK(rest.empty());
}

TEST_CASE("archive: no stream name leaves the folder", "[sinks][archive][A09]") {
    Bench bench;
    std::uint64_t lsn = 0;
    const std::vector<std::string> names{
        "../../etc",
        "..",
        ".",
        "%2e%2e%2f",
        "/abs",
        "a/b",
        "\xC3\xBC\xE2\x80\xAE",
        "nul\\con:",
        std::string(255, 'x'),
        std::string("\0\n", 2),
        "_unrouted"
    };
    for (const std::string& name : names) {
        ++lsn;
        bench.put(lsn, bench.record(lsn).stream(name).device(name));
    }
    bench.ship();
    const Objects objects = bench.objects();
    CHECK(objects.size() == names.size());
    for (const auto& [name, bytes] : objects) {
        INFO(name);
        CHECK(name.starts_with("stream="));
        CHECK(std::count(name.begin(), name.end(), '/') == 3);
    }
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(bench.dir.path()))
        files += entry.is_regular_file() ? 1U : 0U;
    CHECK(files == names.size() + 2);  // and the state: windows, and the manifest at hand
}

TEST_CASE("archive: the records of a window are bounded in memory by size", "[sinks][archive]") {
    Bench bench;
    FakeS3 s3;
    bench.use(s3);
    s3.set_fault([](const FakeHttpRequest&) { return FakeHttpReply{200, {}, "", Manner::hang}; });
    bench.config.window.bytes = 64_KiB;
    std::uint64_t taken = 0;
    for (std::uint64_t lsn = 1; lsn < 100'000; ++lsn) {
        auto record = bench.record(lsn);
        if (!bench.sink().put({lsn}, record.view())) break;
        ++taken;
        static_cast<void>(bench.sink().poll(0));
    }
    CHECK(taken < 50'000);
}

TEST_CASE(
    "archive: objects carry the digest, the checksum and If-None-Match", "[sinks][archive][s3]"
) {
    Bench bench;
    FakeS3 s3;
    bench.use(s3);
    bench.put(1);
    bench.ship();
    const auto objects = s3.objects();
    REQUIRE(objects.size() == 1);
    const auto& [key, object] = *objects.begin();
    CHECK(key.starts_with("lake/stream=wearables/date=2026-01-01/hour=12/"));
    CHECK(object.headers.at("if-none-match") == "*");
    CHECK(object.headers.at("x-amz-meta-penstock-sha256") == hex(sha256(object.bytes)));
    CHECK(object.headers.at("x-amz-checksum-sha256").size() == 44);
    CHECK(s3.log().size() == 1);
}

TEST_CASE("archive: an answer that was lost is found out by looking", "[sinks][archive][s3]") {
    Bench bench;
    FakeS3 s3;
    bench.use(s3);
    s3.lose_answer([](const FakeHttpRequest& request) { return request.method == "PUT"; });
    bench.put(1);
    bench.sink().flush();
    const SinkProgress lost = bench.report();
    REQUIRE(lost.failure);
    CHECK(lost.failure->kind == FailureClass::transient);
    s3.forget_log();
    bench.sink().reset({});
    bench.put(1);
    CHECK(bench.report().safe == Lsn{1});
    CHECK(s3.objects().size() == 1);
    CHECK(s3.log().size() == 1);
    CHECK(s3.log()[0].starts_with("HEAD "));
}

TEST_CASE(
    "archive: a store without conditional writes is looked at first", "[sinks][archive][s3]"
) {
    Bench bench;
    FakeS3 s3;
    s3.knows_conditions = false;
    bench.use(s3);
    bench.put(1);
    CHECK(bench.ship() == Lsn{1});
    CHECK(count(s3.log(), "HEAD") == 1);
    CHECK(count(s3.log(), "PUT") == 2);
}

TEST_CASE("archive: objects ask for encryption and have tags", "[sinks][archive][s3]") {
    Bench bench;
    FakeS3 s3;
    bench.use(s3);
    small_parts(bench);
    bench.config.s3->encryption = ServerSideEncryption::aws_kms;
    bench.config.s3->kms_key = "arn:key";
    bench.config.s3->tags = {{"team", "a&b"}, {"tier", "cold"}};
    SECTION("in one piece") {
        bench.put(1);
    }
    SECTION("in parts") {
        put_large(bench);
    }
    bench.ship_until(Lsn{1});
    REQUIRE(s3.objects().size() == 1);
    auto headers = s3.objects().begin()->second.headers;
    CHECK(headers["x-amz-server-side-encryption"] == "aws:kms");
    CHECK(headers["x-amz-server-side-encryption-aws-kms-key-id"] == "arn:key");
    CHECK(headers["x-amz-tagging"] == "team=a%26b&tier=cold");
}

TEST_CASE("archive: a large object goes up in parts", "[sinks][archive][s3]") {
    Bench bench;
    FakeS3 s3;
    bench.use(s3);
    small_parts(bench);
    bench.config.s3->http.timeout = std::chrono::seconds(10);
    put_large(bench);
    CHECK(bench.ship() == Lsn{1});
    CHECK(s3.uploads() == 0);
    CHECK(count(s3.log(), "partNumber=") == 3);
    CHECK(count(s3.log(), "HEAD") == 1);
    REQUIRE(s3.objects().size() == 1);
    CHECK(test::text_of(s3.objects().begin()->second.bytes).size() > (12 << 20));
}

TEST_CASE("archive: an upload that fails is aborted", "[sinks][archive][s3][S10]") {
    Bench bench;
    FakeS3 s3;
    bench.use(s3);
    small_parts(bench);
    s3.set_fault([](const FakeHttpRequest& request) -> std::optional<FakeHttpReply> {
        if (request.target.find("partNumber=2") == std::string::npos) return std::nullopt;
        return FakeS3::error(500, "InternalError");
    });
    put_large(bench);
    bench.sink().flush();
    REQUIRE(bench.report().failure);
    CHECK(s3.uploads() == 0);
}

TEST_CASE(
    "archive: what a kill between parts left behind is cleaned up", "[sinks][archive][s3][S10]"
) {
    Bench bench;
    FakeS3 s3;
    bench.use(s3);
    small_parts(bench);
    const std::string at = GENERATE("partNumber=1", "partNumber=3", "uploadId=upload-1");
    s3.set_fault([at](const FakeHttpRequest& request) -> std::optional<FakeHttpReply> {
        const bool complete =
            request.method == "POST" && request.target.find("uploadId") != std::string::npos;
        const bool here =
            at == "uploadId=upload-1" ? complete : request.target.find(at) != std::string::npos;
        if (!here) return std::nullopt;
        return FakeHttpReply{200, {}, "", Manner::hang};
    });
    put_large(bench);
    bench.sink().flush();
    for (int i = 0; i < 50; ++i)
        static_cast<void>(bench.sink().poll(10 * kMillisecond));
    REQUIRE(s3.uploads() == 1);
    bench.running.reset();
    s3.set_fault(nullptr);
    bench.start({});
    put_large(bench);
    CHECK(bench.report().safe == Lsn{1});
    CHECK(s3.uploads() == 0);
    CHECK(s3.objects().size() == 1);
}

TEST_CASE(
    "archive: a complete that answers 200 with an error inside is a failure",
    "[sinks][archive][s3][S11]"
) {
    Bench bench;
    FakeS3 s3;
    bench.use(s3);
    small_parts(bench);
    const int status = GENERATE(200, 500);
    s3.set_fault([status](const FakeHttpRequest& request) -> std::optional<FakeHttpReply> {
        if (request.method != "POST" || request.target.find("uploadId") == std::string::npos)
            return std::nullopt;
        return FakeS3::error(status, "InternalError");
    });
    put_large(bench);
    bench.sink().flush();
    const SinkProgress progress = bench.report();
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::transient);
    CHECK(progress.safe == Lsn{0});
    CHECK(s3.objects().empty());
    CHECK(s3.uploads() == 0);
}

TEST_CASE(
    "archive: a completed object of another size does not count", "[sinks][archive][s3][S11]"
) {
    Bench bench;
    FakeS3 s3;
    bench.use(s3);
    small_parts(bench);
    s3.set_fault([](const FakeHttpRequest& request) -> std::optional<FakeHttpReply> {
        if (request.method != "HEAD") return std::nullopt;
        return FakeHttpReply{200, {"Content-Length: 5"}, ""};
    });
    put_large(bench);
    bench.sink().flush();
    const SinkProgress progress = bench.report();
    REQUIRE(progress.failure);
    CHECK(progress.safe == Lsn{0});
}

TEST_CASE("archive: refusals of a bucket mean what they say", "[sinks][archive][s3]") {
    const auto kind_of = [](int status, const std::string& code) {
        Bench bench;
        FakeS3 s3;
        bench.use(s3);
        s3.set_fault([&](const FakeHttpRequest&) { return FakeS3::error(status, code); });
        bench.put(1);
        bench.sink().flush();
        const SinkProgress progress = bench.report();
        REQUIRE(progress.failure);
        CHECK_THAT(progress.failure->message, Catch::Contains(code));
        return progress.failure->kind;
    };
    CHECK(kind_of(403, "SignatureDoesNotMatch") == FailureClass::credentials);
    CHECK(kind_of(403, "InvalidAccessKeyId") == FailureClass::credentials);
    CHECK(kind_of(404, "XAdminUserNotFound") == FailureClass::credentials);
    CHECK(kind_of(400, "ExpiredToken") == FailureClass::credentials);
    CHECK(kind_of(403, "RequestTimeTooSkewed") == FailureClass::transient);
    CHECK(kind_of(404, "NoSuchBucket") == FailureClass::configuration);
    CHECK(kind_of(400, "InvalidBucketName") == FailureClass::configuration);
    CHECK(kind_of(301, "PermanentRedirect") == FailureClass::configuration);
    CHECK(kind_of(503, "SlowDown") == FailureClass::throttled);
    CHECK(kind_of(500, "InternalError") == FailureClass::transient);
    CHECK(kind_of(409, "ConditionalRequestConflict") == FailureClass::transient);
    CHECK(kind_of(400, "XAmzContentSHA256Mismatch") == FailureClass::transient);
}

TEST_CASE(
    "archive: missing credentials are an alarm with what was looked for", "[sinks][archive][s3]"
) {
    Bench bench;
    FakeS3 s3;
    bench.use(s3);
    bench.config.s3->credentials = {};
    bench.config.s3->credentials.credentials_file = bench.dir / "none";
    bench.put(1);
    bench.sink().flush();
    const SinkProgress progress = bench.report();
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::credentials);
    CHECK_THAT(progress.failure->message, Catch::Contains("none"));
}

TEST_CASE("archive: a state file of a newer version is refused", "[sinks][archive]") {
    Bench bench;
    std::filesystem::create_directories(bench.dir / "state");
    std::ofstream(bench.dir / "state/windows") << "penstock-archive-windows 3\n";
    SinkContext context;
    context.id = "lake";
    context.state_dir = bench.dir / "state";
    const auto sink = make_archive_sink(bench.config, context);
    REQUIRE_FALSE(sink.ok());
    CHECK(sink.error().code == Errc::unsupported);
}

#include "sinks/archive/manifest.h"

#include "sinks/archive/object_ranges.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace penstock;
using namespace penstock::sinks;

namespace {

const JournalId kJournal{{7, 0xab}};
constexpr Nanoseconds kNoon = 1'767'268'800 * kSecond;  // 2026-01-01T12:00:00Z

LsnRanges ranges_of(const LsnRanges& added) {
    LsnRanges ranges;
    for (const LsnRange& range : added)
        add_range(ranges, range);
    return ranges;
}

ManifestEntry entry(std::uint64_t first, std::uint64_t last) {
    return {"o\"" + std::to_string(first), {{first}, {last}}, last - first + 1, 100, "ab"};
}

ManifestLog opened(const test::TempDir& dir, const JournalId& journal = kJournal) {
    auto log = ManifestLog::open(dir / "s", {journal, "lake"});
    if (!log.ok()) FAIL(log.error().message);
    return *std::move(log);
}

}  // namespace

TEST_CASE("lsn ranges: what touches or overlaps is one", "[sinks][archive]") {
    CHECK(ranges_of({{{1}, {5}}, {{6}, {9}}}) == LsnRanges{{{1}, {9}}});
    CHECK(ranges_of({{{6}, {9}}, {{1}, {5}}}) == LsnRanges{{{1}, {9}}});
    CHECK(
        ranges_of({{{1}, {2}}, {{8}, {9}}, {{4}, {5}}}) ==
        LsnRanges{{{1}, {2}}, {{4}, {5}}, {{8}, {9}}}
    );
    CHECK(ranges_of({{{1}, {2}}, {{4}, {5}}, {{8}, {9}}, {{3}, {8}}}) == LsnRanges{{{1}, {9}}});
    CHECK(ranges_of({{{5}, {4}}}).empty());
}

TEST_CASE("lsn ranges: gaps lie between", "[sinks][archive]") {
    CHECK(gaps_between({}).empty());
    CHECK(gaps_between({{{3}, {9}}}).empty());
    CHECK(gaps_between({{{1}, {2}}, {{4}, {5}}, {{9}, {9}}}) == LsnRanges{{{3}, {3}}, {{6}, {8}}});
}

TEST_CASE("manifest: its text reads back and stays what it is", "[sinks][archive][golden]") {
    Manifest manifest{
        kJournal, "lake", kNoon, {9}, {"m", "cd"}, {{{1}, {9}}}, {entry(1, 4), entry(5, 9)}
    };
    const std::string text = encode(manifest);
    CHECK(
        text ==
        R"({"penstock":"archive manifest","version":1,"journal":"07ab0000000000000000000000000000",)"
        R"("sink":"lake","begun":"2026-01-01T12:00:00.000Z","accounted":9,"previous":{"name":"m","sha256":"cd"},)"
        R"("ranges":[[1,9]],"objects":[)"
        "\n"
        R"({"name":"o\"1","first":1,"last":4,"records":4,"bytes":100,"sha256":"ab"},)"
        "\n"
        R"({"name":"o\"5","first":5,"last":9,"records":5,"bytes":100,"sha256":"ab"})"
        "\n]}\n"
    );
    CHECK(decode_manifest(text).value() == manifest);
    CHECK(
        manifest_name("p/", manifest) ==
        "p/manifest/lake/date=2026-01-01/hour=12/07ab0000000000000000000000000000-"
        "00000000000000000001-00000000000000000009.json"
    );
}

TEST_CASE("manifest: what is none is refused", "[sinks][archive]") {
    const std::string text =
        encode({kJournal, "lake", kNoon, {9}, {}, {{{1}, {9}}}, {entry(1, 9)}});
    for (std::size_t size = 0; size + 2 < text.size(); ++size)
        CHECK_FALSE(decode_manifest(text.substr(0, size)).ok());
    const auto changed = [&text](const std::string& from, const std::string& to) {
        std::string other = text;
        other.replace(other.find(from), from.size(), to);
        const auto read = decode_manifest(other);
        return read.ok() ? std::string("ok") : std::string(name(read.error().code));
    };
    CHECK(changed("archive manifest", "other thing") == "malformed");
    CHECK(changed("\"version\":1", "\"version\":2") == "unsupported");
    CHECK(changed("07ab", "07xb") == "malformed");
    CHECK(changed("[1,9]", "[9,1]") == "malformed");
    CHECK(changed("[1,9]", "[1]") == "malformed");
    CHECK(changed("\"bytes\":100", "\"bytes\":-1") == "malformed");
}

TEST_CASE("manifest log: what was confirmed stands on disk", "[sinks][archive]") {
    const test::TempDir dir;
    {
        ManifestLog log = opened(dir);
        log.start({10});
        REQUIRE(log.add({14}, {entry(11, 14)}, kNoon).ok());
        REQUIRE(log.add({20}, {entry(17, 20)}, kNoon + kSecond).ok());
    }
    ManifestLog log = opened(dir);
    CHECK(log.manifest().ranges == LsnRanges{{{11}, {20}}});
    CHECK(log.manifest().begun == kNoon);
    CHECK(log.manifest().objects.size() == 2);
    SECTION("what was passed over before the restart was not for the sink") {
        log.start({25});
        REQUIRE(log.add({30}, {entry(26, 30)}, kNoon).ok());
        CHECK(log.manifest().ranges == LsnRanges{{{11}, {30}}});
    }
    SECTION("the same once more changes nothing") {
        log.start({14});
        REQUIRE(log.add({20}, {entry(17, 20)}, kNoon).ok());
        CHECK(log.manifest().ranges == LsnRanges{{{11}, {20}}});
        CHECK(log.manifest().objects.size() == 2);
    }
    SECTION("a cursor that was set back leaves a range of its own") {
        log.start({3});
        REQUIRE(log.add({5}, {entry(4, 5)}, kNoon).ok());
        CHECK(log.manifest().ranges == LsnRanges{{{4}, {5}}, {{11}, {20}}});
    }
    SECTION("the next manifest goes on where this one ends") {
        REQUIRE(log.follow({"m1", "d1"}).ok());
        ManifestLog next = opened(dir);
        next.start({22});
        CHECK(next.manifest().ranges.empty());
        CHECK(next.manifest().previous == ManifestLink{"m1", "d1"});
        REQUIRE(next.add({30}, {entry(23, 30)}, kNoon).ok());
        CHECK(next.manifest().ranges == LsnRanges{{{21}, {30}}});
    }
    SECTION("another journal begins anew") {
        ManifestLog other = opened(dir, JournalId{{8}});
        CHECK(other.manifest().ranges.empty());
        CHECK(std::filesystem::exists(dir / "s/manifest.aside"));
    }
}

TEST_CASE("manifest log: that of a replay lists and claims nothing", "[sinks][archive]") {
    const test::TempDir dir;
    ManifestLog log = *ManifestLog::open(dir / "s", {kJournal, "lake", true});
    log.start({10});
    REQUIRE(log.add({12}, {}, kNoon).ok());
    CHECK_FALSE(log.due(kNoon));
    REQUIRE(log.add({20}, {entry(13, 20)}, kNoon).ok());
    CHECK(log.due(kNoon));
    CHECK(log.manifest().ranges.empty());
    CHECK(log.manifest().accounted == Lsn{});
    CHECK(log.manifest().span() == LsnRange{{13}, {20}});
}

TEST_CASE("manifest log: it is due after an hour", "[sinks][archive]") {
    const test::TempDir dir;
    ManifestLog log = opened(dir);
    log.start({});
    CHECK_FALSE(log.due(kNoon));
    REQUIRE(log.add({1}, {entry(1, 1)}, kNoon).ok());
    CHECK_FALSE(log.due(kNoon + ManifestLog::kAge - 1));
    CHECK(log.due(kNoon + ManifestLog::kAge));
    CHECK(log.due(kNoon - 1));  // a clock that was set back
}

TEST_CASE("manifest log: a damaged file is put aside", "[sinks][archive]") {
    const test::TempDir dir;
    std::filesystem::create_directories(dir / "s");
    std::ofstream(dir / "s/manifest") << "{\"penstock\":\"arch";
    CHECK(opened(dir).manifest().ranges.empty());
    CHECK(std::filesystem::exists(dir / "s/manifest.aside"));
}

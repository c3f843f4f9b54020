#include "journal/reader.h"

#include "base/posix_disk.h"
#include "journal/segment_files.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

namespace penstock::journal {
namespace {

using test::must;
using test::record_of;
using test::SegmentFiles;

/// Payloads read from a reader, gaps as `[from-to cause]`.
std::string read_all(Reader& reader) {
    std::string text;
    while (reader.position() <= reader.durable()) {
        const Lsn from = reader.position();
        const auto result = must(reader.read(0, {}));
        if (!result.chunk) {
            text += '[' + std::to_string(result.gap.from.value) + '-' +
                    std::to_string(result.gap.to.value) + ' ' +
                    std::to_string(static_cast<int>(result.gap.cause)) + ']';
            continue;
        }
        auto rest = result.chunk->records();
        for (std::uint32_t i = 0; i < result.chunk->count(); ++i) {
            const auto record = must(RecordView::parse(rest));
            if (result.chunk->first().plus(i) >= from) text += record.payload();
            rest = rest.subspan(record.bytes().size());
        }
    }
    return text;
}

struct Fixture {
    explicit Fixture(std::size_t memory = 0) : files(posix_disk(), directory / "journal", memory) {}

    void add(std::string_view payloads) {
        std::vector<std::vector<std::byte>> records;
        for (const char c : payloads)
            records.push_back(record_of("d", 1, std::string_view(&c, 1)));
        files.add(records);
    }
    [[nodiscard]] Reader reader() const { return Reader(posix_disk(), files.tail, files.segments); }

    test::TempDir directory;
    SegmentFiles files;
};

TEST_CASE("reader: reads over segments from disk in order", "[journal]") {
    Fixture f;
    f.files.begin();
    f.add("ab");
    f.files.empty();
    f.add("c");
    f.files.seal();
    f.files.begin();
    f.add("d");
    f.add("ef");
    auto reader = f.reader();
    CHECK(read_all(reader) == "abcdef");
    CHECK(reader.position() == Lsn{7});
    reader.seek({5});
    CHECK(read_all(reader) == "ef");
    reader.seek({2});
    CHECK(read_all(reader) == "bcdef");
}

TEST_CASE("reader: memory and disk give the same records", "[journal]") {
    Fixture f(1 << 20);
    f.files.begin();
    f.add("ab");
    f.files.gap(3);
    f.add("c");
    auto reader = f.reader();
    CHECK(read_all(reader) == "ab[3-5 3]c");
    Tail empty(0);
    empty.start_at(f.files.tail.durable());
    Reader disk(posix_disk(), empty, f.files.segments);
    CHECK(read_all(disk) == "ab[3-5 3]c");
    disk.seek({4});
    CHECK(read_all(disk) == "[4-5 3]c");
}

TEST_CASE("reader: never sees what is not durable", "[journal][D06]") {
    Fixture f;
    f.files.begin();
    f.add("ab");
    f.add("c");
    Tail behind(0);
    behind.start_at({2});
    Reader reader(posix_disk(), behind, f.files.segments);
    CHECK(read_all(reader) == "ab");
    const auto nothing = must(reader.read(0, {}));
    CHECK(nothing.chunk == nullptr);
    CHECK(nothing.gap.cause == Gap::Cause::none);
    CHECK(reader.position() == Lsn{3});
}

TEST_CASE("reader: expired records are a gap, not silence", "[journal]") {
    Fixture f;
    f.files.begin();
    f.add("ab");
    f.files.seal();
    f.files.begin();
    f.add("c");
    auto reader = f.reader();
    std::filesystem::remove(f.files.segments.all()[0].path);
    f.files.segments.drop(1);
    CHECK(read_all(reader) == "[1-2 1]c");
}

TEST_CASE("reader: a segment that expires while it is read is read to its end", "[journal]") {
    Fixture f;
    f.files.begin();
    f.add("ab");
    f.add("c");
    f.files.seal();
    f.files.begin();
    f.add("d");
    auto reader = f.reader();
    (void)must(reader.read(0, {}));
    std::filesystem::remove(f.files.segments.all()[0].path);
    CHECK(read_all(reader) == "cd");
}

TEST_CASE(
    "reader: every flipped bit of a frame is noticed and the rest is read", "[journal][D13][D18]"
) {
    Fixture f;
    f.files.begin();
    f.add("a");
    f.add("b");
    const auto bad = f.files.last_frame;
    const auto bytes = sizeof(FrameHeader) + record_of("d", 1, "b").size();
    f.add("c");
    f.files.seal();
    f.files.begin();
    f.add("d");
    for (std::uint64_t byte = 0; byte < bytes; ++byte) {
        const auto bit = static_cast<unsigned>(byte % 8);
        f.files.flip(1, bad + byte, bit);
        auto reader = f.reader();
        REQUIRE(must(reader.read(0, {})).chunk->first() == Lsn{1});
        const auto result = reader.read(0, {});
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == Errc::corrupt);
        CHECK(reader.position() == Lsn{2});
        reader.seek({4});
        CHECK(read_all(reader) == "d");
        f.files.flip(1, bad + byte, bit);
    }
    auto reader = f.reader();
    CHECK(read_all(reader) == "abcd");
}

TEST_CASE("reader: a missing segment file is an error, not a gap", "[journal][D12]") {
    Fixture f;
    f.files.begin();
    f.add("a");
    f.files.seal();
    f.files.begin();
    f.add("b");
    std::filesystem::remove(f.files.segments.all()[0].path);
    auto reader = f.reader();
    const auto result = reader.read(0, {});
    REQUIRE_FALSE(result.ok());
    CHECK(reader.position() == Lsn{1});
}

TEST_CASE("reader: waits for new records and is woken by them, or by stop", "[journal]") {
    Fixture f(1 << 20);
    f.files.begin();
    auto reader = f.reader();
    std::thread writer([&f] { f.add("a"); });
    const auto result = must(reader.read(60 * kSecond, {}));
    writer.join();
    REQUIRE(result.chunk != nullptr);
    CHECK(result.chunk->first() == Lsn{1});

    std::stop_source stop;
    std::thread stopper([&stop] { stop.request_stop(); });
    const auto nothing = must(reader.read(60 * kSecond, stop.get_token()));
    stopper.join();
    CHECK(nothing.chunk == nullptr);
}

TEST_CASE(
    "reader: FORBIDDEN with a writer at work: a record missed, doubled or early",
    "[journal][concurrency]"
) {
    Fixture f(4096);  // small: readers fall back to the disk all the time
    f.files.size = 16 << 20;
    f.files.begin();
    constexpr int kFrames = 400;
    std::atomic<int> wrong{0};
    const auto follow = [&] {
        auto reader = f.reader();
        reader.seek({1});
        Lsn expected{1};
        while (expected.value <= kFrames * 2) {
            const auto result = reader.read(kSecond, {});
            if (!result || (!result->chunk && result->gap.cause != Gap::Cause::none)) {
                ++wrong;
                return;
            }
            if (!result->chunk) continue;
            if (result->chunk->first() != expected) ++wrong;
            if (expected.plus(result->chunk->count() - 1) > reader.durable()) ++wrong;
            expected = expected.plus(result->chunk->count());
        }
    };
    std::thread first(follow);
    std::thread second(follow);
    for (int i = 0; i < kFrames; ++i) {
        f.add("xy");
        if (i % 100 == 99) {
            f.files.seal();
            f.files.begin();
        }
    }
    first.join();
    second.join();
    CHECK(wrong == 0);
}

}  // namespace
}  // namespace penstock::journal

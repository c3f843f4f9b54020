#include "journal/device_index.h"

#include "journal/segment_files.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>

namespace penstock::journal {
namespace {

using test::must;
using test::record_of;
using test::RecordBuilder;

const IndexKey kKey{{}, 42};

struct Frames {
    /// Adds a frame of these records behind the last one.
    void add(const std::vector<std::vector<std::byte>>& records) {
        std::vector<std::byte> bytes;
        for (const auto& record : records)
            bytes.insert(bytes.end(), record.begin(), record.end());
        FramePlace place;
        place.first = next;
        place.count = static_cast<std::uint32_t>(records.size());
        place.offset = offset;
        place.size = 128 + bytes.size();
        next = next.plus(place.count);
        offset += (place.size + 4095) / 4096 * 4096;
        index.add(place, bytes);
    }
    Lsn next{1};
    std::uint64_t offset = 8192;
    OpenIndex index{kKey};
};

Result<std::unique_ptr<IndexFile>> open_bytes(const std::vector<std::byte>& bytes) {
    return IndexFile::open(
        [&bytes](std::uint64_t at, std::span<std::byte> out) -> Status {
            if (at > bytes.size() || out.size() > bytes.size() - at)
                return Error{Errc::corrupt, "short"};
            std::memcpy(out.data(), bytes.data() + at, out.size());
            return {};
        },
        bytes.size(),
        kKey
    );
}

std::string lsns_of(const SegmentIndex& index, std::string_view device) {
    std::string text;
    for (const auto& entry : must(index.find(device)))
        for (const auto& posting : must(index.postings(entry)))
            text +=
                std::to_string(posting.lsn.value) + '@' + std::to_string(posting.event_time) + ' ';
    return text;
}

TEST_CASE("device index: the file answers as the index in the making does", "[journal]") {
    std::mt19937_64 random(7);
    Frames frames;
    std::map<std::string, std::string> expected;
    for (int frame = 0; frame < 200; ++frame) {
        std::vector<std::vector<std::byte>> records;
        for (int i = 0; i < 20; ++i) {
            const auto device = "device-" + std::to_string(random() % 500);
            const auto time = static_cast<Nanoseconds>(random());
            expected[device] += std::to_string(frames.next.value + records.size()) + '@' +
                                std::to_string(time) + ' ';
            records.push_back(record_of(device, time));
        }
        frames.add(records);
    }
    const auto bytes = frames.index.encode();
    const auto file = must(open_bytes(bytes));
    must(file->verify());
    CHECK(file->records() == 4000);
    CHECK(file->last() == Lsn{4000});
    for (const auto& [device, lsns] : expected) {
        CHECK(lsns_of(frames.index, device) == lsns);
        CHECK(lsns_of(*file, device) == lsns);
    }
    CHECK(must(file->find("device-9999")).empty());
    CHECK(must(file->find("")).empty());

    std::vector<std::string> pages[2];
    const SegmentIndex* sources[2] = {&frames.index, file.get()};
    for (int i = 0; i < 2; ++i) {
        std::string after;
        for (;;) {
            const auto page = must(sources[i]->page(after, 7));
            if (page.empty()) break;
            CHECK(page.size() <= 7);
            for (const auto& entry : page)
                pages[i].push_back(entry.device);
            after = page.back().device;
        }
    }
    CHECK(pages[0].size() == expected.size());
    CHECK(std::is_sorted(pages[0].begin(), pages[0].end()));
    CHECK(pages[0] == pages[1]);

    const std::vector<Lsn> wanted{{1}, {2}, {21}, {4000}, {5000}};
    const auto places = must(file->frames_of(wanted));
    REQUIRE(places.size() == 3);
    CHECK(places[0].offset == 8192);
    CHECK(places[1].first == Lsn{21});
    CHECK(places[2].holds({4000}));
    CHECK(must(frames.index.frames_of(wanted)).size() == 3);
}

TEST_CASE("device index: quarantined records are filed apart and are no device", "[journal]") {
    Frames frames;
    RecordBuilder bad;
    bad.device("d").flags(kQuarantined).event_time(5);
    RecordBuilder only_bad;
    only_bad.device("x").flags(kQuarantined);
    frames.add({record_of("d", 3), bad.bytes(), only_bad.bytes()});
    const auto bytes = frames.index.encode();
    const auto file = must(open_bytes(bytes));
    for (const SegmentIndex* index :
         {static_cast<const SegmentIndex*>(&frames.index),
          static_cast<const SegmentIndex*>(file.get())}) {
        const auto found = must(index->find("d"));
        REQUIRE(found.size() == 2);
        CHECK(index->streams()[found[0].stream].stream == "wearables");
        CHECK(index->streams()[found[1].stream].stream == kQuarantineStream);
        const auto page = must(index->page("", 10));
        REQUIRE(page.size() == 1);
        CHECK(page[0].device == "d");
        CHECK(page[0].newest.event_time == 3);
    }
}

TEST_CASE("device index: newest is by event time, then LSN", "[journal]") {
    Frames frames;
    frames.add({record_of("d", 9), record_of("d", 9), record_of("d", -4)});
    const auto bytes = frames.index.encode();
    const auto entry = must(must(open_bytes(bytes))->find("d")).at(0);
    CHECK(entry.newest == Posting{{2}, 9});
    CHECK(entry.oldest == -4);
    CHECK(entry.records == 3);
}

TEST_CASE("device index: no truncated or flipped file passes", "[journal][D13][D15]") {
    Frames frames;
    frames.add({record_of("a", 1), record_of("b", 2)});
    frames.add({record_of("a", 3)});
    const auto bytes = frames.index.encode();
    const auto sound = [](const std::vector<std::byte>& candidate) {
        const auto file = open_bytes(candidate);
        return file && (*file)->verify().ok();
    };
    REQUIRE(sound(bytes));
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(sound({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}));
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        auto flipped = bytes;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        CHECK_FALSE(sound(flipped));
    }
}

TEST_CASE("device index: of another segment does not match", "[journal]") {
    Frames frames;
    frames.add({record_of("a", 1)});
    const auto bytes = frames.index.encode();
    const auto read = [&bytes](std::uint64_t at, std::span<std::byte> out) -> Status {
        std::memcpy(out.data(), bytes.data() + at, out.size());
        return {};
    };
    CHECK_FALSE(IndexFile::open(read, bytes.size(), IndexKey{{}, 43}).ok());
}

TEST_CASE(
    "device index: records that cannot be read are counted, the rest is indexed", "[journal]"
) {
    Frames frames;
    auto garbage = record_of("b", 2);
    garbage[4] = std::byte{99};
    frames.add({record_of("a", 1), garbage, record_of("c", 3)});
    frames.add({record_of("d", 4)});
    CHECK(frames.index.unreadable() == 2);
    CHECK(lsns_of(frames.index, "a") == "1@1 ");
    CHECK(lsns_of(frames.index, "d") == "4@4 ");
}

TEST_CASE("device index: version 1 is written and read as it always was", "[journal][golden]") {
    Frames frames;
    frames.add({record_of("a", 1000), record_of("ab", -5)});
    frames.add({record_of("a", 900)});
    CHECK(
        test::hex(frames.index.encode()) ==
        "5053444901000000000000000000000000000000000000002a000000000000000100000000000000"
        "03000000000000000300000000000000b0000000000000000d0000000000000037ffa806bd000000"
        "0000000021000000000000002c49179bde000000000000002c28edf5315d02ad00d00f02c7016934"
        "719a01092011d25f00016100028403000000000000e803000000000000006c0a0101620001fbffff"
        "fffffffffffbffffffffffffff0176060202008040c0020100c01de00101097765617261626c6573"
        "03fbffffffffffffffe8030000000000000101617c34"
    );
}

TEST_CASE("device index: an empty segment has an index too", "[journal]") {
    const OpenIndex index(kKey);
    const auto bytes = index.encode();
    const auto file = must(open_bytes(bytes));
    must(file->verify());
    CHECK(must(file->page("", 10)).empty());
}

}  // namespace
}  // namespace penstock::journal

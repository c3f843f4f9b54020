#include "journal/survey.h"

#include "segment_bytes.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

namespace penstock::journal {
namespace {

using test::SegmentBytes;

Survey must_survey(std::span<const std::byte> bytes, Lsn committed = {}) {
    auto found = survey(bytes, committed);
    REQUIRE(found.ok());
    return std::move(found).value();
}

/// Five groups of ten records, each written after the one before was durable.
SegmentBytes five_groups() {
    SegmentBytes segment;
    for (std::uint64_t i = 0; i < 5; ++i)
        segment.add(10, 40, i * 10);
    return segment;
}

TEST_CASE("survey: an untouched open segment is kept whole", "[journal][recovery]") {
    const auto segment = five_groups().zeros();
    const Survey found = must_survey(segment.bytes);
    CHECK(found.frames.size() == 5);
    CHECK(found.last == Lsn{50});
    CHECK(found.records() == 50);
    CHECK(found.torn_bytes == 0);
    CHECK(found.damages.empty());
    CHECK_FALSE(found.whole());  // not sealed
    CHECK(must_survey(five_groups().seal().bytes).whole());
}

TEST_CASE(
    "survey: cut off at any byte of the last three groups, all earlier groups are kept",
    "[journal][recovery][D04]"
) {
    const auto segment = five_groups();
    const std::uint64_t from = segment.frames[2].offset;
    for (std::uint64_t size = from; size < segment.bytes.size(); ++size) {
        const Survey found = must_survey(std::span(segment.bytes).first(size));
        std::size_t whole = 2;
        for (std::size_t i = 2; i < 5; ++i) {
            const FrameHeader& frame = segment.frames[i];
            if (size >= frame.offset + sizeof frame + frame.payload_bytes) whole = i + 1;
        }
        REQUIRE(found.frames.size() == whole);
        REQUIRE(found.damages.empty());
    }
}

TEST_CASE(
    "survey: garbage anywhere in the last group is a torn tail", "[journal][recovery][D04][D05]"
) {
    auto segment = five_groups().zeros();
    const std::size_t used = sizeof(FrameHeader) + segment.frames[4].payload_bytes;
    for (std::size_t i = 0; i < used; ++i) {
        auto byte = segment.frame(4).begin() + static_cast<std::ptrdiff_t>(i);
        *byte ^= std::byte{0x5a};
        const Survey found = must_survey(segment.bytes);
        REQUIRE(found.frames.size() == 4);
        REQUIRE(found.torn_bytes > 0);
        REQUIRE(found.damages.empty());
        REQUIRE(found.named >= Lsn{40});
        *byte ^= std::byte{0x5a};
    }
}

TEST_CASE(
    "survey: damage in front of a group that proves it acknowledged costs that group alone",
    "[journal][recovery][D04][D18]"
) {
    for (std::size_t group = 0; group < 4; ++group) {
        auto segment = five_groups().zeros();
        const bool header_only = group % 2 == 0;
        const auto frame = segment.frame(group);
        std::ranges::fill(header_only ? frame.first(64) : frame.subspan(200, 64), std::byte{0xee});
        const Survey found = must_survey(segment.bytes);
        REQUIRE(found.damages.size() == 1);
        CHECK(found.damages[0].from == Lsn{group * 10 + 1});
        CHECK(found.damages[0].to == Lsn{group * 10 + 10});
        CHECK(found.damages[0].offset == segment.frames[group].offset);
        CHECK(found.frames.size() == 4);
        CHECK(found.last == Lsn{50});
        CHECK(found.lost() == 10);
    }
}

TEST_CASE("survey: an empty frame makes the last group provable", "[journal][recovery]") {
    auto segment = five_groups().empty(50).zeros();
    std::ranges::fill(segment.frame(4).first(64), std::byte{0});
    const Survey found = must_survey(segment.bytes);
    REQUIRE(found.damages.size() == 1);
    CHECK(found.damages[0].from == Lsn{41});
    CHECK(found.damages[0].to == Lsn{50});
    CHECK(found.last == Lsn{50});
}

TEST_CASE(
    "survey: a torn frame is cut although a whole one in flight with it follows",
    "[journal][recovery]"
) {
    SegmentBytes segment;
    segment.add(10, 40, 0).add(10, 40, 10).add(10, 40, 10).zeros();
    std::ranges::fill(segment.frame(1).subspan(130, 100), std::byte{0});
    const Survey found = must_survey(segment.bytes);
    CHECK(found.frames.size() == 1);
    CHECK(found.last == Lsn{10});
    CHECK(found.damages.empty());
    CHECK(found.torn_bytes > 0);
    CHECK(found.named == Lsn{30});  // the cut LSNs are not given again
}

TEST_CASE("survey: a stale frame never follows a new one", "[journal][recovery]") {
    SegmentBytes old_life;
    old_life.add(10, 40, 0).add(10, 40, 0).zeros();
    SegmentBytes new_life;
    new_life.add(10, 48, 0).zeros(5);
    // Same nonce, place and LSN, but another frame in front of it.
    std::ranges::copy(
        old_life.frame(1),
        new_life.bytes.begin() + static_cast<std::ptrdiff_t>(old_life.frames[1].offset)
    );
    const Survey found = must_survey(new_life.bytes);
    CHECK(found.frames.size() == 1);
}

TEST_CASE(
    "survey: frames of another segment's nonce are never accepted", "[journal][recovery][D11]"
) {
    const auto old_life = SegmentBytes(1).add(10, 40, 0).add(10, 40, 10).add(10, 40, 20).bytes;
    auto recycled = SegmentBytes(2).bytes;
    recycled.insert(recycled.end(), old_life.begin() + kFirstFrameOffset, old_life.end());
    CHECK(must_survey(recycled).frames.empty());

    auto begun = SegmentBytes(2).add(10, 40, 0);
    begun.bytes.insert(
        begun.bytes.end(), old_life.begin() + kFirstFrameOffset + kBlock, old_life.end()
    );
    const Survey found = must_survey(begun.bytes);
    CHECK(found.frames.size() == 1);
    CHECK(found.damages.empty());
}

TEST_CASE("survey: a later segment proves what this one lost", "[journal][recovery]") {
    const auto segment = five_groups();
    const auto cut = std::span(segment.bytes).first(segment.frames[3].offset);
    CHECK(must_survey(cut).damages.empty());
    const Survey found = must_survey(cut, Lsn{50});
    REQUIRE(found.damages.size() == 1);
    CHECK(found.damages[0].from == Lsn{31});
    CHECK(found.damages[0].to == Lsn{50});
}

TEST_CASE(
    "survey: every flipped bit of a sealed segment is found, and costs one frame at most",
    "[journal][recovery][D13]"
) {
    auto segment = SegmentBytes();
    segment.add(3, 24, 0).add(2, 16, 3).empty(5).add(1, 8, 5).seal();
    const auto original = segment.bytes;
    const auto flips_harm = [&](std::size_t at) {
        return std::ranges::any_of(segment.frames, [&](const FrameHeader& frame) {
            return at >= frame.offset && at < frame.offset + sizeof frame + frame.payload_bytes;
        });
    };
    for (std::size_t at = 0; at < original.size(); ++at) {
        const bool every_bit = at % kBlock < 256;
        for (unsigned bit = every_bit ? 0 : at % 8; bit < 8; bit += every_bit ? 1 : 8) {
            segment.bytes[at] = original[at] ^ static_cast<std::byte>(1U << bit);
            const Survey found = must_survey(segment.bytes);
            INFO("byte " << at << " bit " << bit);
            REQUIRE(found.last == Lsn{6});
            if (flips_harm(at)) {
                REQUIRE(found.frames.size() == 3);
                REQUIRE(found.damages.size() == 1);
            } else {
                REQUIRE(found.frames.size() == 4);
                REQUIRE(found.lost() == 0);
            }
            for (const FrameHeader& frame : found.frames) {
                const auto payload = std::span(segment.bytes)
                                         .subspan(frame.offset + sizeof frame, frame.payload_bytes);
                REQUIRE(payload_matches(frame, payload));
            }
        }
        segment.bytes[at] = original[at];
    }
}

/// Frames and losses cover the LSNs without a hole, inside the bytes.
void invariants_hold(const Survey& found, std::size_t size) {
    std::uint64_t records = 0;
    std::uint64_t end = kFirstFrameOffset;
    for (const FrameHeader& frame : found.frames) {
        REQUIRE(frame.offset >= end);
        end = frame.offset + frame.stored_bytes();
        REQUIRE(frame.offset + sizeof frame + frame.payload_bytes <= size);
        records += frame.span();
    }
    REQUIRE(found.end == end);
    REQUIRE(found.last.value - found.header.first + 1 == records + found.lost());
    REQUIRE(found.named >= found.last);
}

TEST_CASE("survey: takes any bytes", "[journal][recovery][fuzz]") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 3'000; ++round) {
        SegmentBytes segment(random());
        std::uint64_t committed = 0;
        std::uint64_t next = 1;
        for (std::uint64_t i = random() % 6; i > 0; --i) {
            const auto count = static_cast<std::uint32_t>(1 + random() % 20);
            segment.add(count, static_cast<std::uint32_t>(8 * (1 + random() % 80)), committed);
            next += count;
            if (random() % 2 == 0) committed = next - 1;
        }
        if (random() % 2 == 0) segment.empty(committed);
        if (random() % 3 == 0) segment.seal();
        if (random() % 2 == 0) segment.zeros(random() % 3);
        for (std::uint64_t i = random() % 5; i > 0; --i) {
            const std::size_t at = random() % segment.bytes.size();
            const std::size_t run =
                std::min<std::size_t>(segment.bytes.size() - at, 1 + random() % 700);
            const auto value = static_cast<std::byte>(random() % 3 == 0 ? 0 : random());
            std::fill_n(segment.bytes.begin() + static_cast<std::ptrdiff_t>(at), run, value);
        }
        if (random() % 3 == 0) segment.bytes.resize(random() % (segment.bytes.size() + 1));
        const auto found = survey(segment.bytes, {random() % 4 == 0 ? next : 0});
        if (found.ok()) invariants_hold(*found, segment.bytes.size());
    }
}

TEST_CASE("survey: a newer format version is refused by name", "[journal][recovery][D15]") {
    SegmentHeader header;
    header.first = 1;
    header.version = kFormatVersion + 1;
    std::vector<std::byte> bytes(kFirstFrameOffset);
    store(header, bytes);
    store(header, std::span(bytes).subspan(kBlock));
    const auto found = survey(bytes, {});
    REQUIRE_FALSE(found.ok());
    CHECK(found.error().code == Errc::unsupported);
    CHECK(found.error().message.find("version 2") != std::string::npos);
}

}  // namespace
}  // namespace penstock::journal

#include "journal/format.h"

#include <catch2/catch.hpp>

#include <string>

namespace penstock::journal {
namespace {

std::string hex(std::span<const std::byte> bytes) {
    std::string text;
    for (const std::byte byte : bytes) {
        text += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4U];
        text += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15U];
    }
    return text;
}

template <class T>
std::string stored(const T& object) {
    std::array<std::byte, sizeof(T)> out{};
    store(object, out);
    return hex(out);
}

JournalId some_id() {
    JournalId id;
    for (std::uint8_t i = 0; i < 16; ++i)
        id.bytes[i] = i;
    return id;
}

std::string zeros(std::size_t bytes) {
    return std::string(2 * bytes, '0');
}

// Golden bytes of version 1: they must never change. A new layout gets a new version.
TEST_CASE(
    "format: version 1 of the segment header stands as it was released", "[journal][format]"
) {
    SegmentHeader header;
    header.journal = some_id().bytes;
    header.nonce = 0x1122334455667788;
    header.number = 7;
    header.first = 1001;
    header.predecessor_last = 1000;
    header.predecessor = 6;
    header.created = 1'767'323'045'000'000'000;
    header.size = 64U << 20U;
    CHECK(
        stored(header) ==
        "50544e4a53454731"
        "0100"
        "0000"
        "00100000"
        "000102030405060708090a0b0c0d0e0f"
        "8877665544332211"
        "0700000000000000"
        "e903000000000000"
        "e803000000000000"
        "0600000000000000"
        "0032961cf2ca8618"
        "0000000400000000" +
            zeros(36) + "3dcf678a"
    );
}

TEST_CASE("format: version 1 of the frame header stands as it was released", "[journal][format]") {
    FrameHeader header;
    header.nonce = 0x1122334455667788;
    header.offset = 8192;
    header.first = 1001;
    header.committed_through = 1000;
    header.written = 1'767'323'045'000'000'000;
    header.count = 3;
    header.payload_bytes = 640;
    header.payload_crc = 0xdeadbeef;
    header.previous = 0x01020304;
    CHECK(
        stored(header) ==
        "4a465246"
        "0100"
        "0100"
        "8877665544332211"
        "0020000000000000"
        "e903000000000000"
        "e803000000000000"
        "0000000000000000"
        "0032961cf2ca8618"
        "03000000"
        "80020000"
        "efbeadde"
        "04030201"
        "0000" +
            zeros(50) + "e37cfcda"
    );
}

TEST_CASE(
    "format: version 1 of footer and identity stand as they were released", "[journal][format]"
) {
    SegmentFooter footer;
    footer.cause = SealCause::closed;
    footer.frames = 4;
    footer.journal = some_id().bytes;
    footer.nonce = 0x1122334455667788;
    footer.number = 7;
    footer.first = 1001;
    footer.last = 1010;
    footer.records = 10;
    footer.offset = 24576;
    footer.created = 1;
    footer.sealed = 2;
    footer.chain = 0x0a0b0c0d;
    CHECK(
        stored(footer) ==
        "50544e4a464f5431"
        "0100"
        "0200"
        "04000000"
        "000102030405060708090a0b0c0d0e0f"
        "8877665544332211"
        "0700000000000000"
        "e903000000000000"
        "f203000000000000"
        "0a00000000000000"
        "0060000000000000"
        "0100000000000000"
        "0200000000000000"
        "0d0c0b0a" +
            zeros(24) + "ec26f176"
    );
    Identity identity;
    identity.journal = some_id().bytes;
    identity.created = 3;
    CHECK(
        stored(identity) ==
        "50544e4a49443100"
        "0100"
        "0000"
        "00000000"
        "000102030405060708090a0b0c0d0e0f"
        "0300000000000000" +
            zeros(20) + "2e3215da"
    );
}

TEST_CASE(
    "format: what is stored is loaded, and any flipped bit of it is not", "[journal][format]"
) {
    std::array<std::byte, sizeof(SegmentFooter)> bytes{};
    SegmentFooter footer;
    footer.first = 5;
    footer.last = 4;
    footer.offset = kFirstFrameOffset;
    store(footer, bytes);
    const auto loaded = load_footer(bytes);
    REQUIRE(loaded.ok());
    CHECK(loaded->last == 4);
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        REQUIRE_FALSE(load_footer(bytes).ok());
        bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    }
}

TEST_CASE(
    "format: a frame header is none at another place or of another segment", "[journal][format]"
) {
    FrameHeader header;
    header.nonce = 5;
    header.offset = 8192;
    header.first = 1;
    header.count = 1;
    header.payload_bytes = 8;
    std::array<std::byte, sizeof header> bytes{};
    store(header, bytes);
    CHECK(load_frame_header(bytes, 5, 8192));
    CHECK_FALSE(load_frame_header(bytes, 5, 12288));
    CHECK_FALSE(load_frame_header(bytes, 6, 8192));
    CHECK_FALSE(load_frame_header(std::span(bytes).first(127), 5, 8192));
    header.first = kLsnLimit;
    store(header, bytes);
    CHECK_FALSE(load_frame_header(bytes, 5, 8192));
}

TEST_CASE("format: segment names hold their number and nothing else is one", "[journal][format]") {
    CHECK(segment_name(42) == "00000000000000000042.segment");
    CHECK(segment_number(segment_name(42)) == 42U);
    CHECK(segment_number(segment_name(UINT64_MAX)) == UINT64_MAX);
    for (const char* name :
         {"",
          "42.segment",
          "00000000000000000000.segment",
          "0000000000000000004x.segment",
          "99999999999999999999.segment",
          "00000000000000000042.segment.index",
          "-0000000000000000042.segment",
          "00000000000000000042.SEGMENT"}) {
        CHECK_FALSE(segment_number(name));
    }
}

}  // namespace
}  // namespace penstock::journal

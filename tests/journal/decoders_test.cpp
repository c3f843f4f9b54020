#include "base/crc32c.h"
#include "journal/cursor_format.h"
#include "journal/device_index.h"
#include "journal/quarantine_format.h"
#include "journal/segment_files.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <random>

/// What the checksums let through: bytes that were made wrong on purpose, with checksums that fit.
namespace penstock::journal {
namespace {

using Bytes = std::vector<std::byte>;

class Mutator {
public:
    explicit Mutator(std::uint64_t seed) : random_(seed) {}

    /// Changes up to four bytes of [from, to).
    void change(Bytes& bytes, std::size_t from, std::size_t to) {
        for (auto n = pick(1, 4); n > 0 && from < to; --n) {
            constexpr int kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
            const auto value =
                pick(0, 1) == 0 ? kEdges[pick(0, 4)] : static_cast<int>(pick(0, 255));
            bytes[pick(from, to - 1)] = static_cast<std::byte>(value);
        }
    }
    std::size_t pick(std::size_t low, std::size_t high) {
        return std::uniform_int_distribution<std::size_t>(low, high)(random_);
    }

private:
    std::mt19937_64 random_;
};

void put_crc(Bytes& bytes, std::size_t at, std::size_t from, std::size_t to) {
    const auto crc = crc32c(std::span(bytes).subspan(from, to - from));
    std::memcpy(bytes.data() + at, &crc, sizeof crc);
}

template <class T>
T get(const Bytes& bytes, std::size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

TEST_CASE(
    "decoders: a cursor with wrong fields and a right checksum is refused or sound",
    "[journal][fuzz]"
) {
    CursorImage image;
    image.sink = "lake";
    image.state.resize(40);
    const auto good = encode_cursor(image);
    Mutator mutator(1);
    for (int i = 0; i < 20'000; ++i) {
        auto bytes = good;
        bytes.resize(mutator.pick(4, good.size()));
        mutator.change(bytes, 0, bytes.size() - 4);
        put_crc(bytes, bytes.size() - 4, 0, bytes.size() - 4);
        const auto decoded = decode_cursor(bytes);
        if (decoded) CHECK(decode_cursor(encode_cursor(*decoded))->lsn == decoded->lsn);
    }
}

TEST_CASE(
    "decoders: a quarantine entry with wrong fields and right checksums is refused or sound",
    "[journal][fuzz]"
) {
    const auto good = encode_quarantine_entry("lake", {7}, 1, "why", Bytes(30));
    Mutator mutator(2);
    for (int i = 0; i < 20'000; ++i) {
        auto bytes = good;
        mutator.change(bytes, 4, 8);
        mutator.change(bytes, 16, bytes.size());
        const auto size = std::min<std::size_t>(get<std::uint32_t>(bytes, 4), bytes.size() - 16);
        put_crc(bytes, 8, 16, 16 + size);
        put_crc(bytes, 12, 0, 12);
        const auto found = next_quarantine_entry(bytes, 0);
        if (found) CHECK(found->next <= bytes.size());
    }
}

TEST_CASE(
    "decoders: an index with wrong parts and right checksums is refused or answers",
    "[journal][fuzz]"
) {
    constexpr std::size_t kFrames = 56;     // offset, size, crc in the header
    constexpr std::size_t kDirectory = 76;  // likewise
    constexpr std::size_t kHeaderCrc = 104;
    OpenIndex open({{}, 42});
    for (std::uint64_t i = 0; i < 20; ++i) {
        FramePlace place{{i * 2 + 1}, 2, 8192 + i * 4096, 300};
        auto records = test::record_of("device-" + std::to_string(i % 7), 1);
        const auto more = test::record_of("other", 2);
        records.insert(records.end(), more.begin(), more.end());
        open.add(place, records);
    }
    const auto good = open.encode();
    const auto frames = get<std::uint64_t>(good, kFrames);
    const auto directory = get<std::uint64_t>(good, kDirectory);
    auto block = static_cast<std::size_t>(frames) - 4;  // the one in front of the frames
    const auto checked = [&](std::size_t at) {
        return get<std::uint32_t>(good, at) ==
               crc32c(std::span(good).subspan(at + 4, frames - at - 4));
    };
    do
        --block;
    while (!checked(block));
    Mutator mutator(3);
    for (int i = 0; i < 20'000; ++i) {
        auto bytes = good;
        switch (mutator.pick(0, 3)) {
            case 0:
                mutator.change(bytes, 8, kHeaderCrc);
                break;
            case 1:
                mutator.change(bytes, frames, directory);
                break;
            case 2:
                mutator.change(bytes, directory, bytes.size());
                break;
            default:
                mutator.change(bytes, block + 4, frames);
                put_crc(bytes, block, block + 4, frames);
                break;
        }
        put_crc(bytes, kFrames + 16, frames, directory);
        put_crc(bytes, kDirectory + 16, directory, bytes.size());
        put_crc(bytes, kHeaderCrc, 0, kHeaderCrc);
        const auto read = [&bytes](std::uint64_t at, std::span<std::byte> out) -> Status {
            if (at > bytes.size() || out.size() > bytes.size() - at)
                return Error{Errc::corrupt, "short"};
            if (!out.empty()) std::memcpy(out.data(), bytes.data() + at, out.size());
            return {};
        };
        const auto file = IndexFile::open(read, bytes.size(), {{}, 42});
        if (!file) continue;
        (void)(*file)->verify().ok();
        (void)(*file)->page("", 5).ok();
        const std::vector<Lsn> lsns{{1}, {20}, {1000}};
        (void)(*file)->frames_of(lsns).ok();
        const auto found = (*file)->find("device-3");
        if (!found) continue;
        for (const auto& entry : *found)
            (void)(*file)->postings(entry).ok();
    }
}

TEST_CASE("decoders: random bytes are no file of ours", "[journal][fuzz]") {
    Mutator mutator(4);
    for (int i = 0; i < 5'000; ++i) {
        Bytes bytes(mutator.pick(0, 300));
        for (auto& byte : bytes)
            byte = static_cast<std::byte>(mutator.pick(0, 255));
        CHECK_FALSE(decode_cursor(bytes).ok());
        CHECK_FALSE(decode_quarantine_header(bytes).ok());
        CHECK_FALSE(next_quarantine_entry(bytes, 0).ok());
    }
}

}  // namespace
}  // namespace penstock::journal

#include "base/crc32c.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string_view>
#include <vector>

namespace penstock {
namespace {

std::vector<std::byte> random_bytes(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::byte> bytes(size);
    std::ranges::generate(bytes, [&] { return static_cast<std::byte>(random()); });
    return bytes;
}

TEST_CASE("crc32c: the test vectors of RFC 3720 B.4 hold", "[base][crc32c]") {
    const std::vector<std::byte> zeros(32, std::byte{0});
    const std::vector<std::byte> ones(32, std::byte{0xff});
    std::vector<std::byte> rising(32);
    for (unsigned i = 0; i < 32; ++i)
        rising[i] = static_cast<std::byte>(i);
    CHECK(crc32c(zeros) == 0x8a9136aa);
    CHECK(crc32c(ones) == 0x62a8ab43);
    CHECK(crc32c(rising) == 0x46dd794e);
    CHECK(crc32c(std::as_bytes(std::span(std::string_view("123456789")))) == 0xe3069283);
    CHECK(crc32c({}) == 0);
}

TEST_CASE(
    "crc32c: the instruction and the table agree at every length and alignment", "[base][crc32c]"
) {
    const auto bytes = random_bytes(20'000, 1);
    for (std::size_t size = 0; size < 1'300; ++size) {
        const auto part = std::span(bytes).subspan(size % 9, size);
        REQUIRE(crc32c(part) == crc32c_portable(part));
    }
    for (const std::size_t size : {6'143U, 6'144U, 6'145U, 12'288U, 19'999U}) {
        const auto part = std::span(bytes).first(size);
        REQUIRE(crc32c(part, 0x1234) == crc32c_portable(part, 0x1234));
    }
}

TEST_CASE("crc32c: checksums of two halves combine to that of the whole", "[base][crc32c]") {
    const auto bytes = random_bytes(9'000, 2);
    for (std::size_t cut = 0; cut <= bytes.size(); cut += 137) {
        const auto a = std::span(bytes).first(cut);
        const auto b = std::span(bytes).subspan(cut);
        REQUIRE(crc32c_combine(crc32c(a), crc32c(b), b.size()) == crc32c(bytes));
        REQUIRE(crc32c(b, crc32c(a)) == crc32c(bytes));
    }
}

}  // namespace
}  // namespace penstock

#include "sinks/archive/parquet/encoding.h"

#include "sinks/archive/parquet/thrift_writer.h"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

using namespace penstock::sinks::parquet;

namespace {

/// Bytes as `01 ff`.
std::string bytes_of(const std::string& text) {
    std::string out;
    for (const char c : text) {
        std::array<char, 4> digits{};
        std::snprintf(digits.data(), digits.size(), "%02x ", static_cast<unsigned char>(c));
        out += digits.data();
    }
    if (!out.empty()) out.pop_back();
    return out;
}

std::string delta(const std::vector<std::int64_t>& values) {
    std::string out;
    append_delta_binary_packed(values, out);
    return bytes_of(out);
}

std::string hybrid(const std::vector<std::uint32_t>& values, unsigned width) {
    std::string out;
    append_hybrid(values, width, out);
    return bytes_of(out);
}

}  // namespace

TEST_CASE("parquet: the examples of the delta encoding", "[sinks][parquet][golden]") {
    // Encodings.md, "Delta Encoding", examples 1 and 2, with this writer's block of 128.
    CHECK(delta({1, 2, 3, 4, 5}) == "80 01 04 05 02 02 00 00 00 00");
    CHECK(
        delta({7, 5, 3, 1, 2, 3, 4, 5}) == "80 01 04 08 0e 03 02 00 00 00 c0 3f 00 00 00 00 00 00"
    );
    CHECK(delta({-1}) == "80 01 04 01 01");
}

TEST_CASE("parquet: differences wrap around", "[sinks][parquet][golden]") {
    // From the least to the largest: 2^64 - 1, which is -1.
    CHECK(delta({INT64_MIN, INT64_MAX}).ends_with("01 00 00 00 00"));
    // There and back: the first needs all 64 bits above the least one, a whole miniblock of them.
    std::string out;
    append_delta_binary_packed(std::vector<std::int64_t>{0, INT64_MAX, 0}, out);
    CHECK(static_cast<unsigned char>(out[out.size() - 32 * 8 - 4]) == 64);
}

TEST_CASE("parquet: eight values are packed from the lowest bit up", "[sinks][parquet][golden]") {
    // Encodings.md: the numbers 0 to 7 in three bits each.
    CHECK(hybrid({0, 1, 2, 3, 4, 5, 6, 7}, 3) == "03 88 c6 fa");
}

TEST_CASE("parquet: eight equal values make a run", "[sinks][parquet][golden]") {
    CHECK(hybrid(std::vector<std::uint32_t>(10, 1), 1) == "14 01");
    CHECK(hybrid(std::vector<std::uint32_t>(300, 0x1234), 13) == "d8 04 34 12");
    CHECK(hybrid(std::vector<std::uint32_t>(7, 1), 1) == "03 7f");
    CHECK(hybrid({}, 1).empty());
}

TEST_CASE("parquet: groups between runs are whole", "[sinks][parquet][golden]") {
    std::vector<std::uint32_t> values{1, 0, 1};
    values.insert(values.end(), 20, 0);
    CHECK(hybrid(values, 1) == "03 05 1e 00");  // five of the zeros fill the group
    values.push_back(1);
    CHECK(hybrid(values, 1) == "03 05 1e 00 03 01");
    values = {1, 0, 1};
    values.insert(values.end(), 12, 0);  // seven would be left: no run
    values.push_back(1);
    CHECK(hybrid(values, 1) == "05 05 80");
}

TEST_CASE("parquet: bit widths", "[sinks][parquet]") {
    CHECK(bit_width_of(0) == 1);
    CHECK(bit_width_of(1) == 1);
    CHECK(bit_width_of(255) == 8);
    CHECK(bit_width_of(256) == 9);
    CHECK(bit_width_of(~0U) == 32);
}

TEST_CASE("parquet: plain values and split bytes", "[sinks][parquet][golden]") {
    const std::vector<std::uint64_t> values{0x0807060504030201, 0x1817161514131211};
    std::string out;
    append_plain(values, out);
    CHECK(bytes_of(out) == "01 02 03 04 05 06 07 08 11 12 13 14 15 16 17 18");
    out.clear();
    append_byte_stream_split(values, out);
    CHECK(bytes_of(out) == "01 11 02 12 03 13 04 14 05 15 06 16 07 17 08 18");
    out.clear();
    append_plain_booleans(std::vector<std::uint8_t>{1, 0, 1, 1, 0, 0, 0, 0, 1}, out);
    CHECK(bytes_of(out) == "0d 01");
    out.clear();
    append_plain_bytes("ab", out);
    CHECK(bytes_of(out) == "02 00 00 00 61 62");
}

TEST_CASE("parquet: thrift structs in the compact protocol", "[sinks][parquet][golden]") {
    std::string out;
    ThriftWriter writer(out);
    writer.i32(1, -1);
    writer.i64(3, 300);
    writer.boolean(4, true);
    writer.begin(5);
    writer.binary(20, "x");  // too far for the short form
    writer.end();
    writer.numbers(6, {1, 2});
    writer.texts(7, std::vector<std::string_view>(15, "a"));
    writer.structs(8, 1);
    writer.begin_element();
    writer.i16(1, 1);
    writer.i8(2, 2);
    writer.boolean(3, false);
    writer.end();
    writer.end();
    std::string texts;
    for (int i = 0; i < 15; ++i)
        texts += " 01 61";
    CHECK(
        bytes_of(out) == "15 01 26 d8 04 11 1c 08 28 01 78 00 19 25 02 04 19 f8 0f" + texts +
                             " 19 1c 14 02 13 02 12 00 00"
    );
}

#include "sinks/encode/zstd_writer.h"

#include <catch2/catch.hpp>

using namespace penstock::sinks;

namespace {

std::string packed(ZstdWriter& writer, int pieces) {
    std::string out;
    for (int i = 0; i < pieces; ++i)
        writer.add("line " + std::to_string(i % 100) + '\n', out);
    writer.end(out);
    return out;
}

}  // namespace

TEST_CASE("zstd writer: what went in comes out", "[sinks][zstd]") {
    ZstdWriter writer(3);
    const std::string bytes = packed(writer, 50'000);
    const std::string text = zstd_decompressed(bytes, 10 << 20);
    CHECK(text.starts_with("line 0\nline 1\n"));
    CHECK(text.ends_with("line 99\n"));
    CHECK(bytes.size() < text.size() / 10);
}

TEST_CASE(
    "zstd writer: the same calls give the same bytes, also after another frame", "[sinks][zstd]"
) {
    ZstdWriter one(3);
    ZstdWriter two(3);
    const std::string first = packed(one, 20'000);
    CHECK(packed(two, 20'000) == first);
    CHECK(packed(one, 20'000) == first);
}

TEST_CASE("zstd writer: frames may follow each other", "[sinks][zstd]") {
    ZstdWriter writer(1);
    std::string bytes;
    writer.add("a", bytes);
    writer.end(bytes);
    writer.add("b", bytes);
    writer.end(bytes);
    CHECK(zstd_decompressed(bytes, 10) == "ab");
}

TEST_CASE("zstd writer: damage and excess are noticed by the reader", "[sinks][zstd]") {
    ZstdWriter writer(1);
    std::string bytes = packed(writer, 1000);
    CHECK(zstd_decompressed(bytes, 10).empty());
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    CHECK(zstd_decompressed(bytes, 1 << 20).empty());
    CHECK(zstd_decompressed(std::string_view(bytes).substr(0, 20), 1 << 20).empty());
}

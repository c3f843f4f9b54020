#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// The encodings of Parquet's values and levels, each appended to `out`. Source: Apache Parquet
/// format 2.11, Encodings.md. Threads: any thread.
namespace penstock::sinks::parquet {

/// How values stand in a page. Values are those of parquet.thrift: never change them.
enum class Encoding : std::uint8_t {
    plain = 0,
    rle = 3,
    delta_binary_packed = 5,
    rle_dictionary = 8,
    byte_stream_split = 9,
};

/// Fixed-size values one behind the other, little-endian. ("Plain")
void append_plain(std::span<const std::uint64_t> values, std::string& out);
/// Booleans, eight a byte, the first in the lowest bit. ("Plain")
void append_plain_booleans(std::span<const std::uint8_t> values, std::string& out);
/// A byte array: 4 bytes of size, the bytes. ("Plain")
void append_plain_bytes(std::string_view value, std::string& out);

/// All first bytes of the values, all second ones, ... ("Byte Stream Split")
void append_byte_stream_split(std::span<const std::uint64_t> values, std::string& out);

/// Differences in blocks of 128, each of 4 miniblocks with a bit width of its own; differences
/// wrap around. Precondition: not empty. ("Delta Encoding")
void append_delta_binary_packed(std::span<const std::int64_t> values, std::string& out);

/// Runs of at least 8 equal values, and groups of 8 bit-packed ones between them, without a length
/// in front. Precondition: every value has at most `bit_width` bits, 1..32. ("Run Length Encoding /
/// Bit-Packing Hybrid")
void append_hybrid(std::span<const std::uint32_t> values, unsigned bit_width, std::string& out);

/// Bits that the largest of these values needs; at least 1.
[[nodiscard]] unsigned bit_width_of(std::uint32_t largest) noexcept;

}  // namespace penstock::sinks::parquet

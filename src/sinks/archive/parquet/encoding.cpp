#include "sinks/archive/parquet/encoding.h"

#include "sinks/archive/parquet/thrift_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace penstock::sinks::parquet {

static_assert(std::endian::native == std::endian::little, "values are copied as they stand");

namespace {

constexpr std::size_t kBlock = 128;
constexpr std::size_t kMiniblocks = 4;
constexpr std::size_t kMiniblock = kBlock / kMiniblocks;
constexpr std::size_t kGroup = 8;  // values of a bit-packed group

/// Packs numbers of up to 64 bits, the first into the lowest bits of the first byte.
class BitPacker {
public:
    explicit BitPacker(std::string& out) : out_(out) {}

    void add(std::uint64_t value, unsigned width) {
        bits_ |= value << used_;
        if (used_ + width < 64) {
            used_ += width;
            return;
        }
        append(8);
        const unsigned taken = 64 - used_;
        bits_ = taken < 64 ? value >> taken : 0;
        used_ = width - taken;
    }
    /// Up to the next whole byte.
    void finish() {
        append((used_ + 7) / 8);
        bits_ = 0;
        used_ = 0;
    }

private:
    void append(std::size_t bytes) {
        std::array<char, 8> raw{};
        std::memcpy(raw.data(), &bits_, raw.size());
        out_.append(raw.data(), bytes);
    }

    std::string& out_;
    std::uint64_t bits_ = 0;
    unsigned used_ = 0;  // below 64 between calls
};

using Block = std::array<std::uint64_t, kBlock>;

void append_block(Block& deltas, std::size_t count, std::string& out) {
    std::int64_t least = static_cast<std::int64_t>(deltas[0]);
    for (std::size_t i = 1; i < count; ++i)
        least = std::min(least, static_cast<std::int64_t>(deltas[i]));
    append_varint(zigzag(least), out);
    std::array<unsigned, kMiniblocks> widths{};
    for (std::size_t i = 0; i < count; ++i) {
        deltas[i] -= static_cast<std::uint64_t>(least);
        unsigned& width = widths[i / kMiniblock];
        width = std::max(width, static_cast<unsigned>(std::bit_width(deltas[i])));
    }
    std::fill(deltas.begin() + static_cast<std::ptrdiff_t>(count), deltas.end(), 0);
    for (const unsigned width : widths)
        out += static_cast<char>(static_cast<std::uint8_t>(width));
    BitPacker packer(out);
    for (std::size_t i = 0; i < kBlock && i / kMiniblock * kMiniblock < count; ++i)
        if (widths[i / kMiniblock] > 0) packer.add(deltas[i], widths[i / kMiniblock]);
    packer.finish();
}

void append_packed_run(
    std::span<const std::uint32_t> values, unsigned bit_width, std::string& out
) {
    if (values.empty()) return;
    const std::size_t groups = (values.size() + kGroup - 1) / kGroup;
    append_varint(groups << 1U | 1U, out);
    BitPacker packer(out);
    for (const std::uint32_t value : values)
        packer.add(value, bit_width);
    for (std::size_t i = values.size(); i < groups * kGroup; ++i)
        packer.add(0, bit_width);
    packer.finish();
}

void append_equal_run(
    std::uint32_t value, std::size_t count, unsigned bit_width, std::string& out
) {
    append_varint(count << 1U, out);
    for (unsigned done = 0; done < bit_width; done += 8)
        out += static_cast<char>(static_cast<std::uint8_t>(value >> done));
}

}  // namespace

void append_plain(std::span<const std::uint64_t> values, std::string& out) {
    const auto bytes = std::as_bytes(values);
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void append_plain_booleans(std::span<const std::uint8_t> values, std::string& out) {
    BitPacker packer(out);
    for (const std::uint8_t value : values)
        packer.add(value & 1U, 1);
    packer.finish();
}

void append_plain_bytes(std::string_view value, std::string& out) {
    const auto size = static_cast<std::uint32_t>(value.size());
    std::array<char, sizeof size> raw{};
    std::memcpy(raw.data(), &size, raw.size());
    out.append(raw.data(), raw.size());
    out += value;
}

void append_byte_stream_split(std::span<const std::uint64_t> values, std::string& out) {
    const std::size_t from = out.size();
    out.resize(from + values.size() * sizeof(std::uint64_t));
    char* to = out.data() + from;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        for (const std::uint64_t value : values)
            *to++ = static_cast<char>(static_cast<std::uint8_t>(value >> shift));
    }
}

void append_delta_binary_packed(std::span<const std::int64_t> values, std::string& out) {
    append_varint(kBlock, out);
    append_varint(kMiniblocks, out);
    append_varint(values.size(), out);
    append_varint(zigzag(values.front()), out);
    Block deltas{};
    std::size_t count = 0;
    for (std::size_t i = 1; i < values.size(); ++i) {
        deltas[count++] =
            static_cast<std::uint64_t>(values[i]) - static_cast<std::uint64_t>(values[i - 1]);
        if (count < kBlock) continue;
        append_block(deltas, count, out);
        count = 0;
    }
    if (count > 0) append_block(deltas, count, out);
}

void append_hybrid(std::span<const std::uint32_t> values, unsigned bit_width, std::string& out) {
    std::size_t packed_from = 0;  // what waits to be bit-packed
    std::size_t at = 0;
    while (at < values.size()) {
        const auto rest = values.subspan(at);
        const auto end =
            std::find_if(rest.begin(), rest.end(), [&](auto v) { return v != rest.front(); });
        const auto equal = static_cast<std::size_t>(end - rest.begin());
        // A bit-packed run in the middle has whole groups.
        const std::size_t fill = (kGroup - (at - packed_from) % kGroup) % kGroup;
        if (equal >= fill + kGroup) {
            append_packed_run(values.subspan(packed_from, at + fill - packed_from), bit_width, out);
            append_equal_run(rest.front(), equal - fill, bit_width, out);
            packed_from = at + equal;
        }
        at += equal;
    }
    append_packed_run(values.subspan(packed_from), bit_width, out);
}

unsigned bit_width_of(std::uint32_t largest) noexcept {
    return std::max<unsigned>(1, std::bit_width(largest));
}

}  // namespace penstock::sinks::parquet

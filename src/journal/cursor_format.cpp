#include "journal/cursor_format.h"

#include "base/crc32c.h"
#include "journal/byte_codec.h"

#include <algorithm>
#include <cstring>

namespace penstock::journal {
namespace {

constexpr std::uint32_t kMagic = 0x55435350;  // "PSCU"
constexpr std::uint16_t kVersion = 1;

bool letter_or_digit(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool valid_sink_id(std::string_view id) noexcept {
    if (id.empty() || id.size() > 64 || !letter_or_digit(id.front()) || id.ends_with(".tmp"))
        return false;
    return std::all_of(id.begin(), id.end(), [](char c) {
        return letter_or_digit(c) || c == '_' || c == '-' || c == '.';
    });
}

std::vector<std::byte> encode_cursor(const CursorImage& image) {
    std::vector<std::byte> out;
    ByteWriter writer(out);
    writer.fixed(kMagic)
        .fixed(kVersion)
        .fixed(std::uint16_t{0})
        .bytes(std::as_bytes(std::span(image.journal.bytes)))
        .text(image.sink)
        .fixed(image.generation)
        .fixed(image.lsn.value)
        .fixed(image.saved_at)
        .varint(image.state.size())
        .bytes(image.state);
    writer.fixed(crc32c(out));
    return out;
}

Result<CursorImage> decode_cursor(std::span<const std::byte> bytes) {
    ByteReader in(bytes);
    const auto magic = in.fixed<std::uint32_t>();
    const auto version = in.fixed<std::uint16_t>();
    const auto reserved = in.fixed<std::uint16_t>();
    if (!in.ok() || magic != kMagic) return Error{Errc::corrupt, "not a cursor file"};
    if (version > kVersion) return Error{Errc::unsupported, "cursor file of a newer version"};
    CursorImage image;
    const auto id = in.bytes(image.journal.bytes.size());
    if (!id.empty()) std::memcpy(image.journal.bytes.data(), id.data(), id.size());
    image.sink = in.text();
    image.generation = in.fixed<std::uint64_t>();
    image.lsn = {in.fixed<std::uint64_t>()};
    image.saved_at = in.fixed<Nanoseconds>();
    const auto state = in.bytes(in.varint());
    image.state.assign(state.begin(), state.end());
    const std::size_t covered = bytes.size() - in.left();
    const auto crc = in.fixed<std::uint32_t>();
    if (!in.ok() || !in.empty() || crc != crc32c(bytes.first(covered)))
        return Error{Errc::corrupt, "cursor file fails its checksum"};
    if (version == 0 || reserved != 0 || image.state.size() > kCursorStateMax ||
        !valid_sink_id(image.sink))
        return Error{Errc::corrupt, "cursor file contradicts itself"};
    return image;
}

}  // namespace penstock::journal

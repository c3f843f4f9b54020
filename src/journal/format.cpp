#include "journal/format.h"

#include "base/crc32c.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <type_traits>

namespace penstock::journal {

namespace {

// The structs are copied as they stand: little-endian machines only.
static_assert(std::endian::native == std::endian::little);
static_assert(std::has_unique_object_representations_v<SegmentHeader>);
static_assert(std::has_unique_object_representations_v<FrameHeader>);
static_assert(std::has_unique_object_representations_v<SegmentFooter>);
static_assert(std::has_unique_object_representations_v<Identity>);

template <class T>
std::uint32_t crc_of(const T& object) noexcept {
    return crc32c(std::as_bytes(std::span(&object, 1)).first(sizeof(T) - sizeof object.crc));
}

template <class T>
std::uint32_t put(T& object, std::span<std::byte> out) noexcept {
    object.crc = crc_of(object);
    std::memcpy(out.data(), &object, sizeof object);
    return object.crc;
}

// The version stands before what it may change, so it is looked at first; only then the checksum at
// its place.
template <class T>
Result<T> get(std::span<const std::byte> bytes, const char* what) {
    T object;
    const auto expected = object.magic;
    if (bytes.size() < sizeof object) return Error{Errc::corrupt, std::string(what) + " is short"};
    std::memcpy(&object, bytes.data(), sizeof object);
    if (object.magic != expected) return Error{Errc::corrupt, std::string(what) + " is missing"};
    if (object.crc != crc_of(object)) {
        return Error{Errc::corrupt, std::string(what) + " does not match its checksum"};
    }
    if (object.version != kFormatVersion) {
        return Error{
            Errc::unsupported,
            std::string(what) + " has format version " + std::to_string(object.version) +
                ", this build reads up to " + std::to_string(kFormatVersion)
        };
    }
    return object;
}

bool span_is_sane(const FrameHeader& header) noexcept {
    if (header.first == 0 || header.first >= kLsnLimit) return false;
    if (header.committed_through >= kLsnLimit) return false;
    switch (header.kind) {
        case FrameKind::records:
            return header.count > 0 && header.payload_bytes > 0 &&
                   header.payload_bytes <= kFramePayloadMax;
        case FrameKind::empty:
            return header.count == 0 && header.payload_bytes == 0;
        case FrameKind::gap:
            return header.count == 0 && header.payload_bytes == 0 &&
                   header.gap_last >= header.first && header.gap_last < kLsnLimit;
    }
    return false;
}

}  // namespace

void store(SegmentHeader header, std::span<std::byte> out) noexcept {
    put(header, out);
}
void store(SegmentFooter footer, std::span<std::byte> out) noexcept {
    put(footer, out);
}
void store(Identity identity, std::span<std::byte> out) noexcept {
    put(identity, out);
}
std::uint32_t store(FrameHeader header, std::span<std::byte> out) noexcept {
    return put(header, out);
}

Result<SegmentHeader> load_segment_header(std::span<const std::byte> bytes) {
    PS_TRY(const SegmentHeader header, get<SegmentHeader>(bytes, "the segment header"));
    if (header.block != kBlock || header.first == 0 || header.first >= kLsnLimit) {
        return Error{Errc::corrupt, "the segment header contradicts itself"};
    }
    return header;
}

Result<SegmentFooter> load_footer(std::span<const std::byte> bytes) {
    PS_TRY(const SegmentFooter footer, get<SegmentFooter>(bytes, "the segment footer"));
    const bool sane = footer.first != 0 && footer.first < kLsnLimit && footer.last < kLsnLimit &&
                      footer.last + 1 >= footer.first && footer.offset % kBlock == 0 &&
                      footer.offset >= kFirstFrameOffset;
    if (!sane) return Error{Errc::corrupt, "the segment footer contradicts itself"};
    return footer;
}

Result<Identity> load_identity(std::span<const std::byte> bytes) {
    return get<Identity>(bytes, "the identity");
}

std::optional<FrameHeader> load_frame_header(
    std::span<const std::byte> bytes, std::uint64_t nonce, std::uint64_t offset
) noexcept {
    FrameHeader header;
    if (bytes.size() < sizeof header) return {};
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.magic != kFrameMagic || header.nonce != nonce || header.offset != offset) return {};
    if (header.version != kFormatVersion || header.crc != crc_of(header)) return {};
    if (!span_is_sane(header)) return {};
    return header;
}

bool payload_matches(const FrameHeader& header, std::span<const std::byte> payload) noexcept {
    return payload.size() == header.payload_bytes && crc32c(payload) == header.payload_crc;
}

std::uint32_t chain_of(const SegmentHeader& header) noexcept {
    return crc_of(header);
}

std::string segment_name(std::uint64_t number) {
    const std::string digits = std::to_string(number);
    return std::string(20 - digits.size(), '0') + digits + std::string(kSegmentSuffix);
}

std::optional<std::uint64_t> segment_number(std::string_view name) noexcept {
    if (name.size() != 20 + kSegmentSuffix.size() || !name.ends_with(kSegmentSuffix)) return {};
    const std::string_view digits = name.substr(0, 20);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + 20, number);
    if (error != std::errc{} || end != digits.data() + 20 || number == 0) return {};
    return number;
}

SegmentHeader header_of(const SegmentFooter& footer) noexcept {
    SegmentHeader header;
    header.journal = footer.journal;
    header.nonce = footer.nonce;
    header.number = footer.number;
    header.first = footer.first;
    header.predecessor_last = footer.first - 1;
    header.created = footer.created;
    return header;
}

std::filesystem::path index_path(const std::filesystem::path& segment) {
    return std::filesystem::path(segment) += kIndexSuffix;
}

}  // namespace penstock::journal

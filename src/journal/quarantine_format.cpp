#include "journal/quarantine_format.h"

#include "base/crc32c.h"
#include "journal/byte_codec.h"

#include <algorithm>
#include <cstring>

namespace penstock::journal {
namespace {

constexpr std::uint32_t kFileMagic = 0x46515350;   // "PSQF"
constexpr std::uint32_t kEntryMagic = 0x45515350;  // "PSQE"
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kEntryHeader = 16;

constexpr std::size_t padded(std::size_t size) noexcept {
    return (size + 7) & ~std::size_t{7};
}

Result<QuarantineEntry> decode_body(std::span<const std::byte> body) {
    ByteReader in(body);
    QuarantineEntry entry;
    entry.sink = in.text();
    entry.lsn = {in.fixed<std::uint64_t>()};
    entry.time = in.fixed<Nanoseconds>();
    entry.reason = in.text();
    const auto record = in.bytes(in.varint());
    entry.record.assign(record.begin(), record.end());
    if (!in.ok() || !in.empty()) return Error{Errc::corrupt, "quarantine entry"};
    return entry;
}

/// The whole entry at `at`, or nothing.
Result<QuarantineFound> entry_at(std::span<const std::byte> file, std::size_t at) {
    ByteReader in(file.subspan(at));
    const auto magic = in.fixed<std::uint32_t>();
    const auto size = in.fixed<std::uint32_t>();
    const auto body_crc = in.fixed<std::uint32_t>();
    const auto header_crc = in.fixed<std::uint32_t>();
    if (!in.ok() || magic != kEntryMagic ||
        header_crc != crc32c(file.subspan(at, kEntryHeader - 4)))
        return Error{Errc::corrupt, "quarantine entry"};
    const auto body = in.bytes(size);
    if (!in.ok() || crc32c(body) != body_crc) return Error{Errc::corrupt, "quarantine entry"};
    PS_TRY(auto entry, decode_body(body));
    QuarantineFound found;
    found.at = at;
    found.next = std::min(file.size(), at + padded(kEntryHeader + size));
    found.entry = std::move(entry);
    return found;
}

}  // namespace

std::vector<std::byte> encode_quarantine_header(const JournalId& journal) {
    std::vector<std::byte> out;
    ByteWriter writer(out);
    writer.fixed(kFileMagic)
        .fixed(kVersion)
        .fixed(std::uint16_t{0})
        .bytes(std::as_bytes(std::span(journal.bytes)));
    writer.fixed(crc32c(out)).fixed(std::uint32_t{0});
    return out;
}

Result<JournalId> decode_quarantine_header(std::span<const std::byte> bytes) {
    ByteReader in(bytes);
    const auto magic = in.fixed<std::uint32_t>();
    const auto version = in.fixed<std::uint16_t>();
    const auto reserved = in.fixed<std::uint16_t>();
    JournalId journal;
    const auto id = in.bytes(journal.bytes.size());
    if (!id.empty()) std::memcpy(journal.bytes.data(), id.data(), id.size());
    const auto crc = in.fixed<std::uint32_t>();
    const auto pad = in.fixed<std::uint32_t>();
    if (!in.ok() || magic != kFileMagic) return Error{Errc::corrupt, "not a quarantine file"};
    if (version > kVersion) return Error{Errc::unsupported, "quarantine file of a newer version"};
    if (crc != crc32c(bytes.first(24)) || version == 0 || reserved != 0 || pad != 0)
        return Error{Errc::corrupt, "quarantine file: header fails its checksum"};
    return journal;
}

std::vector<std::byte> encode_quarantine_entry(
    std::string_view sink,
    Lsn lsn,
    Nanoseconds time,
    std::string_view reason,
    std::span<const std::byte> record
) {
    std::vector<std::byte> body;
    ByteWriter(body)
        .text(sink)
        .fixed(lsn.value)
        .fixed(time)
        .text(reason)
        .varint(record.size())
        .bytes(record);
    std::vector<std::byte> out;
    ByteWriter writer(out);
    writer.fixed(kEntryMagic).fixed(static_cast<std::uint32_t>(body.size())).fixed(crc32c(body));
    writer.fixed(crc32c(out)).bytes(body);
    out.resize(padded(out.size()));
    return out;
}

Result<QuarantineFound> next_quarantine_entry(std::span<const std::byte> file, std::size_t at) {
    for (at = padded(at); at + kEntryHeader <= file.size(); at += 8) {
        auto found = entry_at(file, at);
        if (found) return found;
    }
    return Error{Errc::not_found, "no further quarantine entry"};
}

}  // namespace penstock::journal

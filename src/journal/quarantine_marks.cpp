#include "journal/quarantine_marks.h"

#include "base/crc32c.h"
#include "base/text.h"
#include "journal/byte_codec.h"

#include <algorithm>
#include <cstring>

namespace penstock::journal {
namespace {

constexpr std::uint32_t kMagic = 0x4D515350;  // "PSQM"
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kRangeBytes = 32;

}  // namespace

std::string QuarantineSpot::text() const {
    return std::to_string(file) + "-" + std::to_string(offset);
}

Result<QuarantineSpot> QuarantineSpot::parse(std::string_view text) {
    if (text.empty()) return QuarantineSpot{};
    const auto dash = std::min(text.find('-'), text.size() - 1);
    const auto file = text::parse_uint(text.substr(0, dash));
    const auto offset = text::parse_uint(text.substr(dash + 1));
    if (!file || !offset) return Error{Errc::invalid_argument, "not the id of a quarantine entry"};
    return QuarantineSpot{*file, *offset};
}

Status QuarantineMarks::settle(QuarantineSpot after, QuarantineSpot at) {
    if (settled(at)) return {};
    auto next = std::ranges::upper_bound(ranges_, at, {}, &Range::to);
    const bool grows_next = next != ranges_.end() && next->after <= at;
    const bool grows_last = next != ranges_.begin() && std::prev(next)->to >= after;
    if (grows_last && grows_next) {
        std::prev(next)->to = next->to;
        ranges_.erase(next);
    } else if (grows_last) {
        std::prev(next)->to = at;
    } else if (grows_next) {
        next->after = after;
    } else {
        if (ranges_.size() >= kRangesMax)
            return Error{Errc::full, "too many settled entries between others that are not"};
        ranges_.insert(next, {after, at});
    }
    return {};
}

bool QuarantineMarks::settled(QuarantineSpot at) const noexcept {
    const auto range = std::ranges::lower_bound(ranges_, at, {}, &Range::to);
    return range != ranges_.end() && range->after < at;
}

QuarantineSpot QuarantineMarks::highest() const noexcept {
    return ranges_.empty() ? QuarantineSpot{} : ranges_.back().to;
}

std::vector<std::byte> QuarantineMarks::encode(const JournalId& journal) const {
    std::vector<std::byte> out;
    ByteWriter writer(out);
    writer.fixed(kMagic)
        .fixed(kVersion)
        .fixed(std::uint16_t{0})
        .bytes(std::as_bytes(std::span(journal.bytes)))
        .fixed(counts.base.value)
        .fixed(counts.redriven)
        .fixed(counts.dropped)
        .fixed(static_cast<std::uint32_t>(ranges_.size()));
    for (const Range& range : ranges_) {
        for (const QuarantineSpot& spot : {range.after, range.to})
            writer.fixed(spot.file).fixed(spot.offset);
    }
    writer.fixed(crc32c(out));
    return out;
}

Result<QuarantineMarks> QuarantineMarks::decode(
    std::span<const std::byte> bytes, const JournalId& journal
) {
    const Error damaged{Errc::corrupt, "quarantine marks that are none"};
    ByteReader in(bytes);
    const auto magic = in.fixed<std::uint32_t>();
    const auto version = in.fixed<std::uint16_t>();
    if (!in.ok() || magic != kMagic) return damaged;
    if (version > kVersion) return Error{Errc::unsupported, "quarantine marks of a newer version"};
    const auto reserved = in.fixed<std::uint16_t>();
    JournalId whose;
    const auto id = in.bytes(whose.bytes.size());
    if (!id.empty()) std::memcpy(whose.bytes.data(), id.data(), id.size());
    QuarantineMarks marks;
    marks.counts.base = {in.fixed<std::uint64_t>()};
    marks.counts.redriven = in.fixed<std::uint64_t>();
    marks.counts.dropped = in.fixed<std::uint64_t>();
    const auto count = in.fixed<std::uint32_t>();
    if (!in.ok() || version == 0 || reserved != 0 || count > kRangesMax ||
        in.left() != count * kRangeBytes + sizeof(std::uint32_t))
        return damaged;
    const auto spot = [&in] {
        const auto file = in.fixed<std::uint64_t>();
        return QuarantineSpot{file, in.fixed<std::uint64_t>()};
    };
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto after = spot();
        const auto to = spot();
        if (to <= after || after < marks.highest()) return damaged;
        marks.ranges_.push_back({after, to});
    }
    if (in.fixed<std::uint32_t>() != crc32c(bytes.first(bytes.size() - sizeof(std::uint32_t))))
        return damaged;
    if (whose != journal) return Error{Errc::conflict, "quarantine marks of another journal"};
    return marks;
}

}  // namespace penstock::journal

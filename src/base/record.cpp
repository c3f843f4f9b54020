#include "penstock/record.h"

#include <bit>
#include <cstring>

static_assert(
    std::endian::native == std::endian::little, "the journal's integers are little-endian"
);

namespace penstock {
namespace {

/// Version 1 was never released.
constexpr std::uint8_t kVersion = 2;

/// Twin of docs/JOURNAL_FORMAT.md, "Record". Never change it: make a new version.
struct Header {
    std::uint32_t size;
    std::uint8_t version;
    std::uint8_t source;
    std::uint8_t flags;
    std::uint8_t qos;
    std::int64_t event_time;
    std::int64_t arrival_time;
    std::uint64_t sequence;
    double score;
    float score_expected;
    float score_deviation;
    std::uint16_t score_field;
    std::uint16_t field_count;
    std::uint16_t device_size;
    std::uint16_t topic_size;
    std::uint8_t stream_size;
    std::uint8_t status_size;
    std::uint16_t reason_size;
    std::uint32_t payload_size;
    std::uint32_t annex_size;
    std::uint16_t client_size;
    std::uint8_t entry_size;  // kNarrow or kWide
    std::uint8_t reserved;
    std::uint64_t device_hash;
};
static_assert(sizeof(Header) == 80);
static_assert(offsetof(Header, event_time) == 8);
static_assert(offsetof(Header, score) == 32);
static_assert(offsetof(Header, score_field) == 48);
static_assert(offsetof(Header, stream_size) == 56);
static_assert(offsetof(Header, payload_size) == 60);
static_assert(offsetof(Header, client_size) == 68);
static_assert(offsetof(Header, device_hash) == 72);
static_assert(std::is_trivially_copyable_v<Header>);

using Entry = RecordParts::Entry;

/// A field's entry takes 8 bytes where all its numbers fit, and as it stands in memory otherwise.
constexpr std::uint8_t kNarrow = 8;
constexpr std::uint8_t kWide = sizeof(Entry);
constexpr std::size_t kNarrowText = 0xffff;  // bytes of payload, and of annex
constexpr std::size_t kNarrowName = 0xff;

std::uint64_t narrowed(const Entry& entry) noexcept {
    const auto kind = static_cast<unsigned>(entry.type) | (unsigned{entry.flags} << 4U);
    return std::uint64_t{entry.name_offset} | (std::uint64_t{entry.text_offset} << 16U) |
           (std::uint64_t{entry.text_size} << 32U) | (std::uint64_t{entry.name_size} << 48U) |
           (std::uint64_t{kind} << 56U);
}

Entry widened(std::uint64_t bits) noexcept {
    Entry entry;
    entry.name_offset = bits & 0xffffU;
    entry.text_offset = (bits >> 16U) & 0xffffU;
    entry.text_size = (bits >> 32U) & 0xffffU;
    entry.name_size = (bits >> 48U) & 0xffU;
    entry.type = static_cast<FieldType>((bits >> 56U) & 0xfU);
    entry.flags = static_cast<std::uint8_t>(bits >> 60U);
    return entry;
}

bool fits_narrow(const RecordParts& parts) noexcept {
    if (parts.payload.size() > kNarrowText || parts.annex.size() > kNarrowText) return false;
    unsigned names = 0;
    for (const Entry& entry : parts.fields)
        names |= entry.name_size;
    return names <= kNarrowName;
}

Header header_of(std::span<const std::byte> bytes) noexcept {
    Header header;
    std::memcpy(&header, bytes.data(), sizeof header);
    return header;
}

template <class T>
T load(std::span<const std::byte> bytes, std::size_t offset) noexcept {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

/// Where each variable part starts, in the order of the format.
struct Layout {
    std::size_t device;
    std::size_t client;
    std::size_t topic;
    std::size_t stream;
    std::size_t status;
    std::size_t reason;
    std::size_t fields;
    std::size_t payload;
    std::size_t annex;
    std::size_t end;

    explicit Layout(const Header& h) noexcept
        : device(sizeof(Header)),
          client(device + h.device_size),
          topic(client + h.client_size),
          stream(topic + h.topic_size),
          status(stream + h.stream_size),
          reason(status + h.status_size),
          fields(reason + h.reason_size),
          payload(fields + std::size_t{h.field_count} * h.entry_size),
          annex(payload + h.payload_size),
          end(annex + h.annex_size) {}
};

constexpr std::size_t padded(std::size_t size) noexcept {
    return (size + 7) & ~std::size_t{7};
}

Header to_header(const RecordParts& p) noexcept {
    Header h{};
    h.version = kVersion;
    h.source = static_cast<std::uint8_t>(p.source);
    h.flags = p.flags;
    h.qos = p.qos;
    h.event_time = p.event_time;
    h.arrival_time = p.arrival_time;
    h.sequence = p.sequence;
    h.score_field = 0xffff;
    h.field_count = static_cast<std::uint16_t>(p.fields.size());
    h.device_size = static_cast<std::uint16_t>(p.device.size());
    h.topic_size = static_cast<std::uint16_t>(p.topic.size());
    h.stream_size = static_cast<std::uint8_t>(p.stream.size());
    h.status_size = static_cast<std::uint8_t>(p.status.size());
    h.reason_size = static_cast<std::uint16_t>(p.reason.size());
    h.payload_size = static_cast<std::uint32_t>(p.payload.size());
    h.annex_size = static_cast<std::uint32_t>(p.annex.size());
    h.client_size = static_cast<std::uint16_t>(p.client.size());
    h.entry_size = fits_narrow(p) ? kNarrow : kWide;
    h.device_hash = p.device_hash;
    h.size = static_cast<std::uint32_t>(padded(Layout(h).end));
    return h;
}

/// True when the field's name and text lie inside the part they say they are in.
bool inside(const Entry& entry, const Header& h) noexcept {
    const auto bound = [&](std::uint8_t flag) -> std::uint64_t {
        return (entry.flags & flag) != 0 ? h.annex_size : h.payload_size;
    };
    return std::uint64_t{entry.name_offset} + entry.name_size <= bound(RecordParts::kNameInAnnex) &&
           std::uint64_t{entry.text_offset} + entry.text_size <= bound(RecordParts::kTextInAnnex) &&
           entry.type <= FieldType::json;
}

}  // namespace

std::size_t encoded_size(const RecordParts& parts) noexcept {
    return to_header(parts).size;
}

std::size_t encode(const RecordParts& parts, std::span<std::byte> out) noexcept {
    const Header header = to_header(parts);
    std::byte* at = out.data();
    const auto put = [&at](const void* data, std::size_t size) {
        if (size != 0) std::memcpy(at, data, size);
        at += size;
    };
    const auto put_text = [&put](std::string_view text) { put(text.data(), text.size()); };
    put(&header, sizeof header);
    put_text(parts.device);
    put_text(parts.client);
    put_text(parts.topic);
    put_text(parts.stream);
    put_text(parts.status);
    put_text(parts.reason);
    if (header.entry_size == kNarrow) {
        for (const Entry& entry : parts.fields) {
            const std::uint64_t bits = narrowed(entry);
            put(&bits, sizeof bits);
        }
    } else {
        put(parts.fields.data(), parts.fields.size_bytes());
    }
    put_text(parts.payload);
    put_text(parts.annex);
    const auto used = static_cast<std::size_t>(at - out.data());
    std::memset(at, 0, header.size - used);
    return header.size;
}

void set_score(std::span<std::byte> record, const Score& score) noexcept {
    std::byte* at = record.data();
    const auto flags =
        static_cast<std::uint8_t>(load<std::uint8_t>(record, offsetof(Header, flags)) | kScored);
    std::memcpy(at + offsetof(Header, flags), &flags, sizeof flags);
    std::memcpy(at + offsetof(Header, score), &score.value, sizeof score.value);
    std::memcpy(at + offsetof(Header, score_expected), &score.expected, sizeof score.expected);
    std::memcpy(at + offsetof(Header, score_deviation), &score.deviation, sizeof score.deviation);
    std::memcpy(at + offsetof(Header, score_field), &score.field, sizeof score.field);
}

Result<RecordView> RecordView::parse_outline(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() < sizeof(Header)) {
        return Error{Errc::corrupt, "record: shorter than its header"};
    }
    const Header header = header_of(bytes);
    if (header.version != kVersion) return Error{Errc::unsupported, "record: unknown version"};
    if (header.size > bytes.size()) {
        return Error{Errc::corrupt, "record: longer than its frame"};
    }
    const bool sound = header.entry_size == kNarrow || header.entry_size == kWide;
    if (!sound || header.size != padded(Layout(header).end)) {
        return Error{Errc::corrupt, "record: sizes contradict each other"};
    }
    const auto source = header.source;
    if (source < 1 || source > 3) return Error{Errc::corrupt, "record: unknown source"};
    RecordView view;
    view.bytes_ = bytes.first(header.size);
    return view;
}

Result<RecordView> RecordView::parse(std::span<const std::byte> bytes) noexcept {
    PS_TRY(auto view, parse_outline(bytes));
    const Header header = header_of(bytes);
    const FieldTable fields = view.fields();
    for (std::uint16_t i = 0; i < fields.size(); ++i) {
        if (!inside(fields.entry(i), header)) {
            return Error{Errc::corrupt, "record: a field points outside"};
        }
    }
    return view;
}

Source RecordView::source() const noexcept {
    return load<Source>(bytes_, offsetof(Header, source));
}
std::uint8_t RecordView::qos() const noexcept {
    return load<std::uint8_t>(bytes_, offsetof(Header, qos));
}
std::uint8_t RecordView::flags() const noexcept {
    return load<std::uint8_t>(bytes_, offsetof(Header, flags));
}
Nanoseconds RecordView::event_time() const noexcept {
    return load<std::int64_t>(bytes_, offsetof(Header, event_time));
}
Nanoseconds RecordView::arrival_time() const noexcept {
    return load<std::int64_t>(bytes_, offsetof(Header, arrival_time));
}
std::uint64_t RecordView::device_hash() const noexcept {
    return load<std::uint64_t>(bytes_, offsetof(Header, device_hash));
}
std::uint16_t RecordView::field_count() const noexcept {
    return load<std::uint16_t>(bytes_, offsetof(Header, field_count));
}

std::optional<std::uint64_t> RecordView::sequence() const noexcept {
    if ((flags() & kHasSequence) == 0) return std::nullopt;
    return load<std::uint64_t>(bytes_, offsetof(Header, sequence));
}

std::string_view RecordView::text_at(std::size_t offset, std::size_t size) const noexcept {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes read as text.
    return {reinterpret_cast<const char*>(bytes_.data()) + offset, size};
}

std::string_view RecordView::device() const noexcept {
    const Header h = header_of(bytes_);
    return text_at(Layout(h).device, h.device_size);
}
std::string_view RecordView::client() const noexcept {
    const Header h = header_of(bytes_);
    return h.client_size != 0 ? text_at(Layout(h).client, h.client_size)
                              : text_at(Layout(h).device, h.device_size);
}
std::string_view RecordView::topic() const noexcept {
    const Header h = header_of(bytes_);
    return text_at(Layout(h).topic, h.topic_size);
}
std::string_view RecordView::stream() const noexcept {
    const Header h = header_of(bytes_);
    return text_at(Layout(h).stream, h.stream_size);
}
std::string_view RecordView::status() const noexcept {
    const Header h = header_of(bytes_);
    return text_at(Layout(h).status, h.status_size);
}
std::string_view RecordView::reason() const noexcept {
    const Header h = header_of(bytes_);
    return text_at(Layout(h).reason, h.reason_size);
}
std::string_view RecordView::payload() const noexcept {
    const Header h = header_of(bytes_);
    return text_at(Layout(h).payload, h.payload_size);
}

std::optional<Score> RecordView::score() const noexcept {
    if ((flags() & kScored) == 0) return std::nullopt;
    const Header h = header_of(bytes_);
    return Score{
        .value = h.score,
        .expected = h.score_expected,
        .deviation = h.score_deviation,
        .field = h.score_field
    };
}

FieldTable RecordView::fields() const noexcept {
    const Header h = header_of(bytes_);
    const Layout at(h);
    FieldTable table;
    table.entries_ = bytes_.data() + at.fields;
    table.payload_ = bytes_.data() + at.payload;
    table.annex_ = bytes_.data() + at.annex;
    table.size_ = h.field_count;
    table.narrow_ = h.entry_size == kNarrow;
    return table;
}

std::optional<Field> RecordView::find(std::string_view wanted) const noexcept {
    const FieldTable table = fields();
    for (std::uint16_t i = 0; i < table.size(); ++i) {
        const Field candidate = table[i];
        if (candidate.name == wanted) return candidate;
    }
    return std::nullopt;
}

Entry FieldTable::entry(std::uint16_t i) const noexcept {
    if (narrow_) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, entries_ + std::size_t{i} * kNarrow, sizeof bits);
        return widened(bits);
    }
    Entry entry;
    std::memcpy(&entry, entries_ + std::size_t{i} * kWide, sizeof entry);
    return entry;
}

Field FieldTable::operator[](std::uint16_t i) const noexcept {
    const Entry entry = this->entry(i);
    const auto part = [&](std::uint8_t in_annex, std::size_t offset, std::size_t size) {
        const std::byte* const base = (entry.flags & in_annex) != 0 ? annex_ : payload_;
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes read as text.
        return std::string_view(reinterpret_cast<const char*>(base + offset), size);
    };
    Field field;
    field.name = part(RecordParts::kNameInAnnex, entry.name_offset, entry.name_size);
    field.text = part(RecordParts::kTextInAnnex, entry.text_offset, entry.text_size);
    field.type = entry.type;
    field.escaped = (entry.flags & RecordParts::kEscaped) != 0;
    field.derived = (entry.flags & RecordParts::kDerived) != 0;
    return field;
}

std::uint16_t FieldTable::first_derived() const noexcept {
    std::uint16_t i = 0;
    while (i < size_ && (entry(i).flags & RecordParts::kDerived) == 0)
        ++i;
    return i;
}

}  // namespace penstock

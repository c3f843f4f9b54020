// Files that a start reads, and records: bytes that are wrong although their checksums fit.
#include "base/crc32c.h"
#include "fuzz.h"
#include "inspect/score/state_blob.h"
#include "journal/cursor_format.h"
#include "journal/device_index.h"
#include "journal/format.h"
#include "journal/quarantine_format.h"
#include "penstock/record.h"
#include "support/record_builder.h"

#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace penstock {
namespace {

using fuzz::claim;
using Bytes = std::vector<std::byte>;

/// Makes the checksum at `at` that of [from, to).
void mend(Bytes& bytes, std::size_t at, std::size_t from, std::size_t to) {
    if (at + 4 > bytes.size() || to > bytes.size() || from > to) return;
    const std::uint32_t crc = crc32c(std::span(bytes).subspan(from, to - from));
    std::memcpy(bytes.data() + at, &crc, sizeof crc);
}

template <class T>
T get(const Bytes& bytes, std::size_t at) {
    T value{};
    if (at + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

void check_cursor(Bytes bytes) {
    if (bytes.size() >= 4) mend(bytes, bytes.size() - 4, 0, bytes.size() - 4);
    const auto cursor = journal::decode_cursor(bytes);
    if (!cursor) return;
    claim(cursor->state.size() <= journal::kCursorStateMax, "a cursor's state keeps its bound");
    const auto again = journal::decode_cursor(journal::encode_cursor(*cursor));
    claim(
        again.ok() && again->lsn == cursor->lsn,
        "a cursor that was read is written and read the same"
    );
}

void check_written_again(const journal::QuarantineEntry& entry) {
    const Bytes bytes = journal::encode_quarantine_entry(
        entry.sink, entry.lsn, entry.time, entry.reason, entry.record
    );
    const auto again = journal::next_quarantine_entry(bytes, 0);
    claim(again && again->next == bytes.size(), "an entry that was read can be written");
    claim(
        again->entry.sink == entry.sink && again->entry.lsn == entry.lsn &&
            again->entry.reason == entry.reason && again->entry.record == entry.record,
        "an entry is read as it was written"
    );
}

void check_quarantine(Bytes bytes) {
    (void)journal::decode_quarantine_header(bytes).ok();
    mend(bytes, 24, 0, 24);
    if (const auto journal = journal::decode_quarantine_header(bytes)) {
        const auto again =
            journal::decode_quarantine_header(journal::encode_quarantine_header(*journal));
        claim(again.ok() && *again == *journal, "a header is read as it was written");
    }
    const std::size_t size = get<std::uint32_t>(bytes, journal::kQuarantineFileHeader + 4);
    const std::size_t body = journal::kQuarantineFileHeader + 16;
    if (size <= bytes.size()) mend(bytes, body - 8, body, std::min(body + size, bytes.size()));
    mend(bytes, body - 4, body - 16, body - 4);
    std::size_t at = 0;
    while (const auto found = journal::next_quarantine_entry(bytes, at)) {
        check_written_again(found->entry);
        claim(found->at >= at && found->next > found->at, "entries stand one behind the other");
        claim(found->next <= bytes.size(), "entries stand in the file");
        claim(found->entry.record.size() <= bytes.size(), "a record stands in the file");
        at = found->next;
    }
}

/// The index of a small segment: too many checksums to be found by chance.
Bytes good_index() {
    journal::OpenIndex open({{}, 42});
    for (std::uint64_t i = 0; i < 20; ++i) {
        test::RecordBuilder first;
        test::RecordBuilder second;
        auto records = first.device("device-" + std::to_string(i % 7)).stream("s").bytes();
        const auto& more = second.device("other").stream(i % 2 == 0 ? "t" : "u").bytes();
        records.insert(records.end(), more.begin(), more.end());
        open.add({{i * 2 + 1}, 2, 8192 + i * 4096, 300}, records);
    }
    return open.encode();
}

/// Changes `good` as `patch` says: a place and what stands there, three bytes each.
Bytes patched(Bytes good, const Bytes& patch) {
    for (std::size_t i = 0; i + 3 <= patch.size(); i += 3) {
        const auto high = std::to_integer<std::size_t>(patch[i]);
        const auto low = std::to_integer<std::size_t>(patch[i + 1]);
        good[(high << 8U | low) % good.size()] = patch[i + 2];
    }
    if (patch.size() % 3 == 2)
        good.resize(good.size() * std::to_integer<std::size_t>(patch.back()) / 255);
    return good;
}

struct Part {
    std::size_t from;  // its checksum
    std::size_t to;
};

/// Where the blocks and posting lists of an index stand.
std::vector<Part> parts_of(const Bytes& index) {
    constexpr std::size_t kHeader = 108;
    const auto frames = get<std::uint64_t>(index, 56);
    std::vector<Part> parts;
    for (std::size_t from = kHeader; from < frames; from = parts.back().to) {
        std::size_t to = from + 5;
        while (get<std::uint32_t>(index, from) !=
               crc32c(std::span(index).subspan(from + 4, to - from - 4)))
            ++to;
        parts.push_back({from, to});
    }
    return parts;
}

void check_index(Bytes patch) {
    static const Bytes good = good_index();
    static const auto parts = parts_of(good);
    Bytes bytes = patched(good, patch);
    for (const Part& part : parts)
        mend(bytes, part.from, part.from + 4, part.to);
    constexpr std::size_t kFrames = 56;     // offset, size, crc in the header
    constexpr std::size_t kDirectory = 76;  // likewise
    constexpr std::size_t kHeaderCrc = 104;
    for (const std::size_t part : {kFrames, kDirectory}) {
        const auto from = get<std::uint64_t>(bytes, part);
        const auto size = get<std::uint64_t>(bytes, part + 8);
        if (from <= bytes.size() && size <= bytes.size() - from)
            mend(bytes, part + 16, from, from + size);
    }
    mend(bytes, kHeaderCrc, 0, kHeaderCrc);
    const auto read = [&bytes](std::uint64_t at, std::span<std::byte> out) -> Status {
        if (at > bytes.size() || out.size() > bytes.size() - at)
            return Error{Errc::corrupt, "short"};
        if (!out.empty()) std::memcpy(out.data(), bytes.data() + at, out.size());
        return {};
    };
    const auto file = journal::IndexFile::open(read, bytes.size(), {{}, 42});
    if (!file) return;
    (void)(*file)->verify().ok();
    (void)(*file)->page("", 5).ok();
    const std::vector<Lsn> lsns{{1}, {20}, {1000}};
    (void)(*file)->frames_of(lsns).ok();
    const auto found = (*file)->find("device-3");
    if (!found) return;
    for (const auto& entry : *found)
        (void)(*file)->postings(entry).ok();
}

Bytes good_state() {
    Bytes bytes(72);
    bytes[0] = std::byte{72};
    bytes[4] = std::byte{1};   // version
    bytes[5] = std::byte{6};   // device id
    bytes[6] = std::byte{2};   // metrics
    bytes[8] = std::byte{1};   // detector
    bytes[10] = std::byte{8};  // state of a metric
    std::memcpy(bytes.data() + 56, "device", 6);
    return bytes;
}

void check_state(const Bytes& patch) {
    Bytes bytes = patched(good_state(), patch);
    const std::size_t size = get<std::uint32_t>(bytes, 0);
    (void)inspect::StateBlob::parse(bytes).ok();
    if (size >= 16 && size <= bytes.size()) inspect::StateBlob::seal(std::span(bytes).first(size));
    const auto blob = inspect::StateBlob::parse(bytes);
    if (!blob) return;
    claim(blob->bytes().size() <= bytes.size(), "a state stands in the file");
    claim(!blob->device().empty(), "a state has a device");
    for (std::size_t i = 0; i < blob->metrics(); ++i) {
        (void)blob->metric(i);
        claim(blob->state(i).size() == blob->state_size(), "each metric has its state");
    }
    Bytes moved(blob->bytes().begin(), blob->bytes().end());
    inspect::StateBlob::set_lsn(moved, blob->lsn().next());
    const auto again = inspect::StateBlob::parse(moved);
    claim(
        again.ok() && again->lsn() == blob->lsn().next() && again->detector() == blob->detector(),
        "a state keeps all but the LSN that it is given"
    );
}

Bytes good_record() {
    test::RecordBuilder record;
    record.device("w1").client("c").topic("t/1").stream("s").status("HIGH").payload(R"({"n":80})");
    record.field("n", "80", FieldType::integer).field("note", R"(a\"\u00e9)", FieldType::string);
    record.derived("twice", "160", FieldType::number).score(0.5, 0);
    return record.bytes();
}

void check_record(const Bytes& patch) {
    const Bytes bytes = patched(good_record(), patch);
    const auto record = RecordView::parse(bytes);
    const auto outline = RecordView::parse_outline(bytes);
    if (!record) return;
    claim(outline.ok(), "a whole record has an outline");
    const auto in = [&bytes](std::string_view text) {
        const auto* const at = reinterpret_cast<const std::byte*>(text.data());
        return text.empty() ||
               (at >= bytes.data() && at + text.size() <= bytes.data() + bytes.size());
    };
    claim(record->bytes().size() <= bytes.size(), "a record stands in its bytes");
    for (const std::string_view text :
         {record->device(),
          record->client(),
          record->topic(),
          record->stream(),
          record->status(),
          record->reason(),
          record->payload()})
        claim(in(text), "what a record says stands in its bytes");
    for (std::uint16_t i = 0; i < record->field_count(); ++i) {
        const Field field = record->field(i);
        claim(in(field.name) && in(field.text), "fields stand in the record's bytes");
        (void)field.number();
        std::string text;
        append_unescaped(field, text);
        claim(text.size() <= 2 * field.text.size(), "unescaping adds little");
        claim(record->find(field.name).has_value(), "each field is found");
    }
    (void)record->score();
    (void)record->sequence();
}

void check_headers(const Bytes& bytes) {
    (void)journal::load_segment_header(bytes).ok();
    (void)journal::load_footer(bytes).ok();
    (void)journal::load_identity(bytes).ok();
    Bytes mended = bytes;
    mend(mended, 124, 0, 124);
    if (const auto header = journal::load_segment_header(mended))
        claim(header->first < journal::kLsnLimit, "an LSN keeps its bound");
    (void)journal::load_footer(mended).ok();
    const auto frame = journal::load_frame_header(
        mended, get<std::uint64_t>(mended, 8), get<std::uint64_t>(mended, 16)
    );
    if (frame) {
        claim(frame->payload_bytes <= journal::kFramePayloadMax, "a frame keeps its bound");
        claim(frame->next().value >= frame->first, "LSNs do not overflow");
        (void)journal::payload_matches(*frame, mended);
    }
    mend(mended, 60, 0, 60);
    (void)journal::load_identity(mended).ok();
}

}  // namespace
}  // namespace penstock

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock;
    fuzz::Input input(data, size);
    const std::size_t kind = input.choice(6);
    const auto raw = std::as_bytes(std::span(input.text()));
    // Exactly as long as the input: a sanitizer sees what reads beyond.
    Bytes bytes(raw.begin(), raw.end());
    bytes.shrink_to_fit();
    constexpr auto kChecks = std::to_array<void (*)(Bytes)>({
        check_cursor,
        check_quarantine,
        check_index,
        [](Bytes b) { check_state(b); },
        [](Bytes b) { check_record(b); },
        [](Bytes b) { check_headers(b); },
    });
    kChecks[kind](std::move(bytes));
    return 0;
}

#pragma once

#include "penstock/clock.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// One device message as it stands in the journal. Layout: docs/JOURNAL_FORMAT.md, "Record".
namespace penstock {

/// How a record came in. Persistent: never change the values.
enum class Source : std::uint8_t { mqtt = 1, http = 2, will = 3 };

/// What a field's text is. Persistent: never change the values.
enum class FieldType : std::uint8_t {
    null = 0,
    boolean = 1,  // text is `true` or `false`
    integer = 2,  // a JSON number without fraction and exponent that fits 64 signed bits
    number = 3,   // any other JSON number
    string = 4,   // text is what stands between the quotes, still escaped when `escaped`
    json = 5,     // an array or object, kept as its text
};

/// Why a record is as it is. Persistent: never change the values.
enum RecordFlag : std::uint8_t {
    kQuarantined = 1 << 0,        // kept, with `reason`, but not for the data sinks
    kEventTimeReplaced = 1 << 1,  // missing, bad or absurd: the arrival time stands in for it
    kRetain = 1 << 2,             // the device's MQTT RETAIN flag
    kDuplicate = 1 << 3,          // the device's MQTT DUP flag
    kHasSequence = 1 << 4,
    kScored = 1 << 5,  // score, score_expected, score_deviation hold a detector's word
};

/// One entry of the field index: a top-level or nested scalar of the payload (nested:
/// `position.lat`), a derived field, or a whole array. Text is the token as the device wrote it, so
/// a sink copies it and never reformats a number. The views live as long as the record's bytes.
struct Field {
    std::string_view name;
    std::string_view text;
    FieldType type = FieldType::null;
    bool escaped = false;  // string text holds JSON escapes
    bool derived = false;  // computed here, not sent by the device

    /// The number, for integer and number fields; nothing for the others.
    [[nodiscard]] std::optional<double> number() const noexcept;
};

/// Appends a string field's text without its JSON escapes (UTF-8).
void append_unescaped(const Field& field, std::string& out);

/// What a record says, before it has bytes. Views must live until encode() returns.
/// Bounds: device, topic, client and reason 65,535 bytes each, stream and status 255, fields
/// 65,535, payload and annex 256 MiB.
struct RecordParts {
    /// Where a field's name or text stands.
    struct Entry {
        std::uint32_t name_offset = 0;
        std::uint32_t text_offset = 0;
        std::uint32_t text_size = 0;
        std::uint16_t name_size = 0;
        FieldType type = FieldType::null;
        /// kNameInAnnex | kTextInAnnex | kEscaped | kDerived
        std::uint8_t flags = 0;
    };
    static constexpr std::uint8_t kNameInAnnex = 1;
    static constexpr std::uint8_t kTextInAnnex = 2;
    static constexpr std::uint8_t kEscaped = 4;
    static constexpr std::uint8_t kDerived = 8;
    static_assert(sizeof(Entry) == 16);

    Source source = Source::mqtt;
    std::uint8_t qos = 0;
    std::uint8_t flags = 0;
    Nanoseconds event_time = 0;
    Nanoseconds arrival_time = 0;
    std::uint64_t sequence = 0;
    std::uint64_t device_hash = 0;
    std::string_view device;
    std::string_view client;  // empty when it equals device
    std::string_view topic;
    std::string_view stream;
    std::string_view status;
    std::string_view reason;  // why it is quarantined, for people; starts with a code and a colon
    std::span<const Entry> fields;
    std::string_view payload;  // exactly as received
    std::string_view annex;    // names and texts that the payload does not hold
};

/// Bytes that encode() will need: a multiple of 8.
[[nodiscard]] std::size_t encoded_size(const RecordParts& parts) noexcept;

/// Writes the record. `out` must hold encoded_size(parts) bytes. Returns what was written.
std::size_t encode(const RecordParts& parts, std::span<std::byte> out) noexcept;

/// A detector's word about one record.
struct Score {
    double value = 0;              // 0 (as always) .. 1 (never seen)
    float expected = 0;            // of the field that decided
    float deviation = 0;           // standard deviations from expected
    std::uint16_t field = 0xffff;  // index into fields(); 0xffff: none
};

/// Puts a score into an encoded record: the home shard scores after the record's bytes are in its
/// batch.
void set_score(std::span<std::byte> record, const Score& score) noexcept;

/// The field index of a record, for readers of several fields: where they stand is worked out once.
/// Threads: immutable. Valid while the record's bytes live.
class FieldTable {
public:
    [[nodiscard]] std::uint16_t size() const noexcept { return size_; }
    /// Precondition: i < size().
    [[nodiscard]] Field operator[](std::uint16_t i) const noexcept;
    /// The first that is derived; size() when none is.
    [[nodiscard]] std::uint16_t first_derived() const noexcept;

private:
    friend class RecordView;
    [[nodiscard]] RecordParts::Entry entry(std::uint16_t i) const noexcept;

    const std::byte* entries_ = nullptr;
    const std::byte* payload_ = nullptr;
    const std::byte* annex_ = nullptr;
    std::uint16_t size_ = 0;
    bool narrow_ = false;
};

/// A record's bytes, read in place. Never reads outside its bytes, whatever they hold: parse()
/// checks every offset once. Threads: immutable. Valid while the bytes live.
class RecordView {
public:
    /// The record at the start of `bytes` (which may hold more records behind it).
    [[nodiscard]] static Result<RecordView> parse(std::span<const std::byte> bytes) noexcept;

    /// The same without a look at the field index: device, topic, stream, times and payload are
    /// sound, field() and find() must not be called. For readers of many records that want only
    /// these.
    [[nodiscard]] static Result<RecordView> parse_outline(std::span<const std::byte> bytes
    ) noexcept;

    RecordView() = default;

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
    [[nodiscard]] Source source() const noexcept;
    [[nodiscard]] std::uint8_t qos() const noexcept;
    [[nodiscard]] std::uint8_t flags() const noexcept;
    [[nodiscard]] bool quarantined() const noexcept { return (flags() & kQuarantined) != 0; }
    [[nodiscard]] Nanoseconds event_time() const noexcept;
    [[nodiscard]] Nanoseconds arrival_time() const noexcept;
    [[nodiscard]] std::optional<std::uint64_t> sequence() const noexcept;
    [[nodiscard]] std::uint64_t device_hash() const noexcept;
    [[nodiscard]] std::string_view device() const noexcept;
    [[nodiscard]] std::string_view client() const noexcept;
    [[nodiscard]] std::string_view topic() const noexcept;
    [[nodiscard]] std::string_view stream() const noexcept;
    [[nodiscard]] std::string_view status() const noexcept;
    [[nodiscard]] std::string_view reason() const noexcept;
    [[nodiscard]] std::string_view payload() const noexcept;
    [[nodiscard]] std::optional<Score> score() const noexcept;
    [[nodiscard]] std::uint16_t field_count() const noexcept;
    [[nodiscard]] FieldTable fields() const noexcept;
    /// Precondition: i < field_count().
    [[nodiscard]] Field field(std::uint16_t i) const noexcept { return fields()[i]; }
    /// The first field of that name.
    [[nodiscard]] std::optional<Field> find(std::string_view name) const noexcept;

private:
    [[nodiscard]] std::string_view text_at(std::size_t offset, std::size_t size) const noexcept;

    std::span<const std::byte> bytes_;
};

}  // namespace penstock

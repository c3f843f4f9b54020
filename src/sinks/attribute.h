#pragma once

#include "expression/value.h"
#include "penstock/ids.h"
#include "penstock/record.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::sinks {

/// What Penstock knows about a record beside its fields. In settings: `_penstock.device` and so on,
/// the names of record_json.h.
enum class Attribute : std::uint8_t {
    journal,
    lsn,
    stream,
    device,
    client,
    source,
    topic,
    sequence,
    event_time,
    received_at,
    status,
    score,
    reason,
};

/// What messages of all of a record's fields have beside them, in this order.
constexpr std::array<std::string_view, 7> kAddedNames{
    "status",
    "score",
    "_penstock.journal",
    "_penstock.lsn",
    "_penstock.stream",
    "_penstock.device",
    "_penstock.eventTime"
};

/// What a name in the settings of a sink means in a record, as the enriched form shows it
/// (record_json.h): `_penstock.*` is an attribute; any other name is a field of the device or a
/// derived one, and `status`, `score` and `processedAt` fall back on the attribute where the record
/// has no such field.
/// Threads: immutable.
class RecordName {
public:
    /// Nothing when `name` begins with `_penstock` and is no attribute.
    [[nodiscard]] static std::optional<RecordName> parse(std::string_view name);

    [[nodiscard]] const std::string& text() const noexcept { return name_; }

    /// Its value as JSON text, appended. False: the record has none, nothing was appended.
    [[nodiscard]] bool append_json(
        const std::string& journal, Lsn lsn, const RecordView& record, std::string& out
    ) const;
    /// The same as plain text: strings without quotes and escapes.
    [[nodiscard]] bool append_text(
        const std::string& journal, Lsn lsn, const RecordView& record, std::string& out
    ) const;
    /// Its value for an expression; times are seconds since 1970. A text lives as long as the
    /// record and `scratch`. The journal's id is missing here.
    [[nodiscard]] expression::Value value(Lsn lsn, const RecordView& record, std::string& scratch)
        const;

private:
    RecordName(std::string_view name, std::optional<Attribute> attribute)
        : name_(name), attribute_(attribute), field_(!name.starts_with("_penstock")) {}

    std::string name_;
    std::optional<Attribute> attribute_;
    bool field_;
};

}  // namespace penstock::sinks

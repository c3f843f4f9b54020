#pragma once

#include "penstock/ids.h"
#include "penstock/record.h"
#include "sinks/archive/parquet/file_writer.h"
#include "sinks/archive/record_columns.h"
#include "sinks/declared_fields.h"
#include "sinks/encode/zstd_writer.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace penstock::sinks {

/// The records of one stream as a Parquet file: our columns (record_columns.h) and one for each
/// declared field. Nothing is lost by it:
///
/// - A field stands in its column when reading that gives back all its digits or characters. One
///   that does not fit (another type, more digits than a double holds, null, no column) stands
///   under its name in `rest`, a JSON object, its text as it came. Names with dots stay as they
///   are. Where the device's name begins with `_penstock`, `payload.` stands in front; a derived
///   field that the device sends itself, too, is `_penstock.derived.NAME`.
/// - An event time with finer digits than microseconds is in `rest` as `_penstock.eventTime`, a
///   sequence number beyond 2^63 - 1 as `_penstock.sequence`, a device, client, topic, stream or
///   reason that is no UTF-8 (its bytes replaced in the column) as `_penstock.NAME`,
///   percent-encoded. (The time of arrival is cut to microseconds.)
/// - A payload without fields (quarantined, or an empty object) stands in `payload`, byte for byte.
///
/// The same records give the same bytes. Threads: owner.
class RecordTable {
public:
    RecordTable(const JournalId& journal, const std::vector<DeclaredField>& fields);

    void append(Lsn lsn, const RecordView& record, ZstdWriter& zstd);

    [[nodiscard]] parquet::FileWriter& file() noexcept { return file_; }

private:
    struct FieldColumn {
        std::string name;
        FieldType type;
    };

    [[nodiscard]] parquet::ColumnBuffer& own(OwnColumn column) noexcept {
        return file_.column(static_cast<std::size_t>(column));
    }
    void append_identity(Lsn lsn, const RecordView& record);
    void append_times(const RecordView& record);
    void append_verdict(const RecordView& record);
    [[nodiscard]] bool append_fields(const RecordView& record);
    void append_text(OwnColumn column, std::string_view name, std::string_view text);
    [[nodiscard]] std::optional<std::size_t> place_of(std::uint16_t i, std::string_view name);
    [[nodiscard]] bool fits(std::size_t place, const Field& field);
    std::string& rest(std::string_view name);

    std::string journal_;
    std::vector<FieldColumn> fields_;
    std::unordered_map<std::string_view, std::size_t> places_;  // by name, in fields_
    std::vector<std::size_t> guesses_;  // where the i-th field of the record before belonged
    parquet::FileWriter file_;
    std::string rest_;
    std::string text_;
};

}  // namespace penstock::sinks

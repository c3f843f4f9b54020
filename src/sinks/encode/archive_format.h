#pragma once

#include "base/record_json.h"
#include "penstock/ids.h"
#include "penstock/record.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::sinks {

/// How records stand in an archived object (before zstd).
enum class ArchiveFormat : std::uint8_t {
    ndjson,   // record_json.h, one object a line
    raw,      // see ArchiveEncoder
    parquet,  // a table: archive/record_table.h
};

/// `ndjson`, `raw` or `parquet`: in settings and in the archive's state.
[[nodiscard]] std::string_view name(ArchiveFormat format) noexcept;
/// How names of objects end: `.ndjson.zst`, `.raw.zst` or `.parquet`.
[[nodiscard]] std::string_view ending(ArchiveFormat format) noexcept;
[[nodiscard]] std::string_view content_type(ArchiveFormat format) noexcept;
[[nodiscard]] std::optional<ArchiveFormat> archive_format(std::string_view name) noexcept;

/// Changes whenever the same record gives other bytes than before: a window that was begun with
/// another version is written anew under another name.
constexpr unsigned kArchiveEncoderVersion = 1;

/// Writes records as an archive keeps them as text, the same bytes for the same record.
///
/// `raw` keeps every payload bit for bit. Each record is a line of JSON (what Penstock knows about
/// it, see RecordJson::append_metadata, and the payload's size), a line feed, the payload, a line
/// feed:
///
///     {"journal":"9f..","lsn":17,"stream":"wearables","device":"w1",...,"bytes":33}
///     {"deviceId":"w1","heartRate":150}
///
/// To read: a line, then as many bytes as its `bytes` says, then one line feed.
/// Threads: immutable.
class ArchiveEncoder {
public:
    /// Precondition: not parquet.
    ArchiveEncoder(ArchiveFormat format, const JournalId& journal)
        : format_(format), json_(journal) {}

    void append(Lsn lsn, const RecordView& record, std::string& out) const;

private:
    ArchiveFormat format_;
    RecordJson json_;
};

}  // namespace penstock::sinks

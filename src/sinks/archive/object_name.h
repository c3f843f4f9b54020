#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"
#include "sinks/encode/archive_format.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::sinks {

/// Hours since 1970-01-01T00:00:00Z, rounded down: the partition of a record. UTC only: no hour is
/// ever skipped or doubled by a change of local time (S16).
[[nodiscard]] std::int64_t event_hour(Nanoseconds event_time) noexcept;

/// Which object of a window.
struct Partition {
    std::string stream;
    std::int64_t hour = 0;
};

/// `<prefix>stream=<stream>/date=2026-11-21/hour=14/<journal>-<a>-<b>.ndjson.zst`,
/// or with another format's ending.
///
/// The journal id and the window's first and last LSN (20 digits each, so that names sort as
/// records do) make the name unique for ever and the same on every attempt. The stream is escaped
/// to one path component (text.h): nothing in it can leave the prefix (R7, A09).
[[nodiscard]] std::string object_name(
    std::string_view prefix,
    const Partition& partition,
    const JournalId& journal,
    Lsn first,
    Lsn last,
    ArchiveFormat format
);

/// What the name of an object says of it.
struct ObjectName {
    std::string stream;  // escaped, as it stands in the name
    std::int64_t hour = 0;
    std::string journal;  // its text
    Lsn first;
    Lsn last;
    ArchiveFormat format = ArchiveFormat::ndjson;
};

/// object_name() and name_beside() backwards; `prefix` is what stands in front. Nothing: it is no
/// such name.
[[nodiscard]] std::optional<ObjectName> parse_object_name(
    std::string_view name, std::string_view prefix
);
/// A stream as it stands in names.
[[nodiscard]] std::string escaped_stream(std::string_view stream);

/// The name for bytes that differ from those which already stand under `name`: with the beginning
/// of their digest before the ending.
[[nodiscard]] std::string name_beside(std::string_view name, std::string_view digest_hex);

/// What may stand in front of object names: empty, or a relative path without empty, `.` and `..`
/// segments and control characters; 300 bytes at most. with_slash() ends it with '/'.
[[nodiscard]] bool is_object_prefix(std::string_view prefix) noexcept;
[[nodiscard]] std::string with_slash(std::string prefix);

}  // namespace penstock::sinks

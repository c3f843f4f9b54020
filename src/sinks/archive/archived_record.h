#pragma once

#include "penstock/ids.h"
#include "penstock/record.h"
#include "penstock/result.h"
#include "sinks/encode/archive_format.h"

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

namespace penstock::sinks {

/// Calls `see(lsn, record)` for each record of an object's text, in its order: ArchiveEncoder
/// backwards. A record gives the same text again when it is encoded the same way, and:
/// - of `raw`: the payload is as the device sent it, derived fields are derived;
/// - of `ndjson`: derived fields have become fields of the payload; blanks between tokens that held
///   line breaks are blanks. The quality of service is not kept: 0.
/// The record's bytes die with the call. Precondition: not parquet.
/// Errors: malformed, with the number of the record; then those before it have been seen.
[[nodiscard]] Status read_archived(
    ArchiveFormat format,
    std::string_view text,
    const std::function<void(Lsn, std::span<const std::byte>)>& see
);

}  // namespace penstock::sinks

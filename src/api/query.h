#pragma once

#include "api/answer.h"
#include "api/target.h"
#include "base/record_json.h"
#include "penstock/clock.h"
#include "penstock/history.h"

#include <optional>
#include <string>
#include <string_view>

namespace penstock::api {

/// Answers questions about devices from the history, as JSON:
///
///     devices?after&limit
///     {"devices":[{"device","stream","lastEventTime","lastLsn","records"}],"next"}
///     devices/{id}/latest                         the record (base/record_json.h)
///     devices/{id}/history?from&to&stream&limit&after&fields
///                                                 {"device","records":[..],"next"}, newest first
///
/// `from` (inclusive) and `to` (exclusive) are event times: ISO 8601, an integer since 1970
/// (seconds, milli-, micro- or nanoseconds, told by its size), or a span before now such as `-15m`.
/// `next` is null at the end, else the `after` of the next page. With `fields=a,b` a record is
/// {"eventTime","lsn","stream","status","score","fields":{"a":..}}. Bounds: 10,000 entries and
/// about 16 MiB a page (the largest record on top), 100 fields. Threads: any thread; calls read the
/// disk.
class Query {
public:
    Query(History& history, const JournalId& journal, const Clock& clock);

    [[nodiscard]] Answer devices(const Target& target) const;
    [[nodiscard]] Answer latest(const std::string& device) const;
    [[nodiscard]] Answer history(const std::string& device, const Target& target) const;

private:
    History& history_;
    RecordJson json_;
    const Clock& clock_;
};

/// A time as a parameter may say it (see Query); nothing when it is none.
[[nodiscard]] std::optional<Nanoseconds> parse_when(std::string_view text, Nanoseconds now);

}  // namespace penstock::api

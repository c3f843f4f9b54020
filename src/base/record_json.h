#pragma once

#include "penstock/ids.h"
#include "penstock/record.h"

#include <string>
#include <string_view>

namespace penstock {

/// Renders records as JSON objects, one line each: the enriched form that the API, the Kafka sink
/// and the archive share.
///
///     {"deviceId":"w1","heartRate":150,                              the device's own members,
///     byte for byte
///      "status":"HIGH_HEART_RATE","score":0.97,                      derived fields, status, score
///      and "processedAt":"2026-01-02T03:04:05.678Z",                     time of arrival, appended
///      "_penstock":{"journal":"9f..","lsn":17,"stream":"wearables","device":"w1","source":"mqtt",
///                   "eventTime":"..","receivedAt":"..","status":"HIGH_HEART_RATE","score":0.97,...}}
///
/// - The device's members are copied as they came (numbers keep their digits); only line breaks
/// between tokens become
///   blanks, so that the result is always one line.
/// - Collisions: a member of the device is never replaced, nor is a name written twice. Where the
/// device sends `status`,
///   `score`, `processedAt` or the name of a derived field itself, the appended one is left out at
///   the top; what Penstock says stands always in `_penstock` (derived fields that had to give way
///   in `_penstock.derived`). A reader that has to trust the status takes `_penstock.status`: no
///   device can write there, because
/// - a payload that is not an object, or that has a member `_penstock` of its own, stands whole
/// under `payload`:
///   `{"payload":[1,2],"status":...,"_penstock":{...}}`.
/// - Quarantined records: `{"payload":"<the bytes as
/// text>","_penstock":{...,"quarantined":true,"reason":".."}}`, or
///   `payloadBase64` when the bytes are not UTF-8. Nothing of such a payload is trusted to be JSON.
/// Times: ISO 8601, UTC, with 3, 6 or 9 digits of a second, as many as needed.
/// Cost: one pass over the payload; no memory but what `out` grows by.
/// Threads: immutable.
class RecordJson {
public:
    explicit RecordJson(const JournalId& journal);

    /// Appends one object without a line break behind it.
    void append(Lsn lsn, const RecordView& record, std::string& out) const;

    /// Appends only the object that stands under `_penstock`.
    void append_metadata(Lsn lsn, const RecordView& record, std::string& out) const;

private:
    std::string journal_;
};

/// A field's value as it stands in JSON: its text as it came, strings quoted.
void append_json_value(const Field& field, std::string& out);

/// `mqtt`, `http` or `will`.
[[nodiscard]] std::string_view source_name(Source source) noexcept;

}  // namespace penstock

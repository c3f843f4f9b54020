#pragma once

#include "penstock/sink.h"
#include "sinks/transport/http_client.h"

#include <cstdint>
#include <optional>
#include <string>

namespace penstock::sinks {

/// What the answer to a write says about the lines in it.
enum class WriteVerdict : std::uint8_t {
    confirmed,    // all of them are taken
    bad_records,  // some of them are bad; the others may be taken or not
    unclear,      // 400 with a text that may be about the records or about the request
    too_large,    // the body is too long
    failed,       // nothing about the lines: see `failure`
};

struct WriteAnswer {
    WriteVerdict verdict = WriteVerdict::failed;
    SinkFailure failure;
    std::string reason;  // for the operator, of bad records and failures: status and the beginning
                         // of the body
    std::string text;    // the body with JSON escapes undone, for the hints in it
    std::optional<std::uint64_t> dropped;  // InfluxDB's `dropped=N`
};

/// Judges an answer. InfluxDB 1 and 2 (400 "partial write", "unable to parse", 422), QuestDB and
/// InfluxDB 3 (400 with line numbers), VictoriaMetrics (204 whatever the lines are); 401 and 403
/// are credentials, 404 and other refusals are settings, 413 is size, 408, 5xx pass, 429 and 503
/// are throttling. Limits of the server (series, values) are settings, not the record's fault.
[[nodiscard]] WriteAnswer judge_write(const HttpResponse& response, Nanoseconds wall);

/// True when the answer to a write without any line shows that address and settings are right.
[[nodiscard]] bool empty_write_accepted(const HttpResponse& response);

/// VictoriaMetrics and its parts name their host in each answer.
[[nodiscard]] bool is_victoria(const HttpResponse& response);

}  // namespace penstock::sinks

#pragma once

#include "penstock/sink.h"

#include <string>

namespace penstock::sinks {

/// What an error of the library or the broker means for a sink. `code` is a rd_kafka_resp_err_t.
[[nodiscard]] FailureClass kafka_failure_class(int code) noexcept;

/// True when one record of the batch may be at fault (too large, invalid): the others can still be
/// delivered.
[[nodiscard]] bool kafka_blames_record(int code) noexcept;

/// `NAME: what it says`, without control characters.
[[nodiscard]] std::string kafka_error_text(int code, const char* detail = nullptr);

}  // namespace penstock::sinks

#pragma once

#include "penstock/sink.h"

#include <nats/nats.h>

#include <string>
#include <string_view>

namespace penstock::sinks {

/// What an error of the library or the server means for a sink.
[[nodiscard]] FailureClass nats_failure_class(natsStatus status) noexcept;
[[nodiscard]] FailureClass nats_failure_class(jsErrCode code) noexcept;

/// What the calling thread did last, and why it failed, in the library's words. `code` is
/// JetStream's, 0: none.
[[nodiscard]] SinkFailure nats_failure(
    std::string_view what, natsStatus status, jsErrCode code = {}
);

/// A text of the server or the library for the operator: without control characters.
[[nodiscard]] std::string nats_one_line(std::string text);

}  // namespace penstock::sinks

#pragma once

#include "penstock/sink.h"

#include <string>
#include <string_view>

namespace penstock::sinks {

/// What a PostgreSQL server complained about.
struct PostgresError {
    std::string state;    // SQLSTATE, five characters; empty: the library itself complains
    std::string message;  // one line
};

/// Whether it is the fault of the values in a record: data exceptions, broken constraints, what a
/// trigger raised, a row beyond the server's limits. Source: PostgreSQL 15, appendix A.
[[nodiscard]] bool blames_record(const PostgresError& error);

/// What any other complaint means to a runner: 28 and 42501 are credentials, 53 (connections,
/// memory, disk) is throttling, 08, 25, 40, 55, 57, 58 and XX pass, the rest are settings.
[[nodiscard]] SinkFailure postgres_failure(const PostgresError& error);

/// The state and the sentence out of what the library says about a connection that failed (verbose:
/// `...: FATAL:  28P01: password authentication failed ...`).
[[nodiscard]] PostgresError connection_error(std::string_view text);

}  // namespace penstock::sinks

#pragma once

#include "ingest/http/config.h"
#include "ingest/http/shard_part.h"
#include "ingest/shard_listeners.h"

#include <memory>
#include <string>

namespace penstock::ingest::http {

/// HTTP ingest: `POST /v1/ingest/{stream}` with one JSON object, an array of objects or NDJSON;
/// plain, gzip or zstd.
///
///     auto spec = http::listener("http", settings, authenticator, shards.count(),
///     [&](std::string_view name) {...});
///
/// The spec goes to Listeners::open. `authenticator` and what `stream_exists` refers to must
/// outlive the shards' loops; call Authenticator::stop() when these have stopped. `stream_exists`
/// may be empty: then a name that the intake refuses as unrouted is a 404, and one that it
/// quarantines a 200.
[[nodiscard]] ListenerSpec listener(
    std::string name,
    const Config& config,
    auth::Authenticator& authenticator,
    std::uint32_t shards,
    StreamExists stream_exists
);

}  // namespace penstock::ingest::http

#pragma once

#include "ingest/http/config.h"
#include "ingest/http/decompress.h"
#include "penstock/intake.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>

namespace penstock::auth {
class Authenticator;
}
namespace penstock::metrics {
class Counter;
}
namespace penstock::ingest {
class Listener;
class ShardListeners;
}  // namespace penstock::ingest

namespace penstock::ingest::http {

/// Is there a stream of this name? Called on every shard's thread; must answer from memory.
using StreamExists = std::function<bool(std::string_view)>;

/// What the connections of one HTTP listener share on one shard.
/// Threads: owning shard.
class ShardPart {
public:
    ShardPart(
        ShardListeners& shard,
        const Listener& listener,
        const Config& config,
        auth::Authenticator& authenticator,
        const StreamExists& stream_exists
    );

    const Config& config;
    auth::Authenticator& authenticator;
    const StreamExists& stream_exists;  // may be empty: then the intake says it
    Decompressor decompressor;
    std::size_t buffered = 0;  // bytes of bodies that are being read or wait
    const bool loopback;

    /// One request was answered with this status.
    void count(unsigned status) noexcept;

private:
    std::unordered_map<unsigned, metrics::Counter*> requests_;
    metrics::Counter* other_requests_;
};

}  // namespace penstock::ingest::http

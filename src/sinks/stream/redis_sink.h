#pragma once

#include "penstock/ids.h"
#include "penstock/record.h"
#include "penstock/sink.h"
#include "sinks/registry.h"
#include "sinks/stream/redis_config.h"

#include <memory>
#include <string>
#include <utility>

namespace penstock::sinks {

/// What a record becomes at a Redis server.
/// Threads: owner.
class RedisCommands {
public:
    virtual ~RedisCommands() = default;
    /// Appends exactly one command (resp.h).
    virtual void append(Lsn lsn, const RecordView& record, std::string& out) = 0;
    /// A command that each new connection begins with; empty: none.
    [[nodiscard]] virtual std::string preamble() const { return {}; }
};

/// A sink that writes one command a record.
///
/// - Records go out in transactions (MULTI, EXEC), one at a time: a server that refuses one command
/// executes none of its transaction, so that records take effect in the order of the LSNs.
/// - Confirmed is what EXEC has answered for. While confirmations settle the connection is tried
/// (PING); a server that is gone, or silent for half the settle time, has lost contact.
/// - A record whose command is larger than `record_max` is refused.
/// - A server out of memory is `throttled`, a key of another type `configuration`.
[[nodiscard]] std::unique_ptr<Sink> make_redis_sink(
    const RedisWriteConfig& config,
    const SinkContext& context,
    std::unique_ptr<RedisCommands> commands
);

/// The same, its commands made of the settings, the journal's id and the template of `key`.
template <class Commands, class Config>
[[nodiscard]] Result<std::unique_ptr<Sink>> make_redis_sink_of(
    const Config& config, const SinkContext& context
) {
    PS_TRY(auto key, NameTemplate::parse(config.key, redis_key_rules()));
    auto commands = std::make_unique<Commands>(config, context.journal, std::move(key));
    return make_redis_sink(config.write, context, std::move(commands));
}

}  // namespace penstock::sinks

#pragma once

#include "penstock/sink.h"
#include "sinks/registry.h"
#include "sinks/stream/nats_config.h"

#include <memory>

namespace penstock::sinks {

/// `type: nats`: publishes records to a stream of NATS JetStream.
///
/// - Confirmed is what the stream has acknowledged, as a contiguous prefix.
/// - The message id is `<journal>-<lsn>`: what is sent again within the stream's duplicate window
/// (2 minutes unless set otherwise) is stored once.
/// - Messages are published in order over one connection. With `exclusive`, each names the one
/// before it, and the stream takes none whose predecessor it has not; without, a message that the
/// stream refuses for a passing reason may stand behind later ones when it is sent again.
/// - A record larger than the server or the stream takes is refused.
/// - A stream that is missing is `configuration` (or is made), one that is full `throttled`.
[[nodiscard]] SinkKind nats_kind();

[[nodiscard]] Result<std::unique_ptr<Sink>> make_nats_sink(
    const NatsConfig& config, const SinkContext& context
);

}  // namespace penstock::sinks

#pragma once

#include "ingest/config.h"
#include "ingest/shard_listeners.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock::auth {
class Authenticator;
}

namespace penstock::mqtt {

struct ShardPart;

/// MQTT for all listeners of the process: one per configuration, so that a client id is known
/// across its listeners.
///
///     auto server = std::make_shared<mqtt::Server>(authenticator, shard_count);
///     specs.push_back(server->listener("mqtt", settings.mqtt));
///     specs.push_back(server->listener("mqtts", settings.mqtts));
///
/// The authenticator must outlive the server; it is destroyed after the shards' loops have stopped
/// and before the Shards that it posts to. Threads: listener() before the shards run; the rest is
/// called by ShardListeners.
class Server : public std::enable_shared_from_this<Server> {
public:
    Server(auth::Authenticator& authenticator, std::uint32_t shards);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] ingest::ListenerSpec listener(
        std::string name, ingest::MqttListenerConfig config
    );

    // ---- for connections
    [[nodiscard]] auth::Authenticator& authenticator() const noexcept { return authenticator_; }
    /// What that shard keeps. On the shard's thread, after start().
    [[nodiscard]] ShardPart& part(ShardId shard) const noexcept { return *parts_[shard.value]; }
    /// Once per shard and listener; makes the shard's part the first time.
    void start(ingest::ShardListeners& shard);

private:
    auth::Authenticator& authenticator_;
    std::vector<std::unique_ptr<ShardPart>> parts_;  // each touched by its shard only
};

}  // namespace penstock::mqtt

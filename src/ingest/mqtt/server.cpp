#include "ingest/mqtt/server.h"

#include "ingest/mqtt/connection.h"
#include "ingest/mqtt/shard_part.h"

#include <utility>

namespace penstock::mqtt {
namespace {

/// One listener's connections.
class ListenerProtocol final : public ingest::Protocol {
public:
    ListenerProtocol(std::shared_ptr<Server> server, ingest::MqttListenerConfig config)
        : server_(std::move(server)), config_(std::move(config)) {}

    void start(ingest::ShardListeners& shard, ingest::Listener&) override { server_->start(shard); }
    [[nodiscard]] std::unique_ptr<ingest::Connection> accept(ingest::Arrival arrival) override {
        return std::make_unique<Connection>(std::move(arrival), *server_, config_);
    }

private:
    std::shared_ptr<Server> server_;
    ingest::MqttListenerConfig config_;
};

std::array<metrics::Counter*, 16> packet_counters(metrics::Registry& registry) {
    std::array<metrics::Counter*, 16> cells{};
    for (std::size_t i = 0; i < cells.size(); ++i) {
        cells[i] = &registry.counter(
            "penstock_received_packets_total",
            "MQTT packets received, by type.",
            {{"type", std::string(name(static_cast<PacketType>(i)))}}
        );
    }
    return cells;
}

}  // namespace

ShardPart::ShardPart(metrics::Registry& registry)
    : received(packet_counters(registry)),
      packets_per_read(registry.histogram(
          "penstock_packets_per_read", "MQTT packets found in one read.", {}, metrics::Scale::count
      )) {}

Server::Server(auth::Authenticator& authenticator, std::uint32_t shards)
    : authenticator_(authenticator), parts_(shards) {}

Server::~Server() = default;

void Server::start(ingest::ShardListeners& shard) {
    std::unique_ptr<ShardPart>& part = parts_[shard.id().value];
    if (part == nullptr) part = std::make_unique<ShardPart>(shard.registry());
}

ingest::ListenerSpec Server::listener(std::string name, ingest::MqttListenerConfig config) {
    ingest::ListenerSpec spec;
    spec.name = std::move(name);
    spec.listen = config.listen;
    spec.tls = config.tls;
    spec.limits = config.limits;
    spec.protocol = std::make_shared<ListenerProtocol>(shared_from_this(), std::move(config));
    return spec;
}

}  // namespace penstock::mqtt

#include "ingest/http/server.h"

#include "ingest/http/connection.h"

#include <utility>
#include <vector>

namespace penstock::ingest::http {
namespace {

/// Makes the connections of one listener.
class HttpProtocol final : public Protocol {
public:
    HttpProtocol(
        const Config& config,
        auth::Authenticator& authenticator,
        std::uint32_t shards,
        StreamExists stream_exists
    )
        : config_(config),
          authenticator_(authenticator),
          stream_exists_(std::move(stream_exists)),
          parts_(shards) {}

    void start(ShardListeners& shard, Listener& listener) override {
        parts_[shard.id().value] =
            std::make_unique<ShardPart>(shard, listener, config_, authenticator_, stream_exists_);
    }

    std::unique_ptr<Connection> accept(Arrival arrival) override {
        ShardPart& part = *parts_[arrival.shard.id().value];
        return std::make_unique<HttpConnection>(std::move(arrival), part);
    }

private:
    const Config config_;
    auth::Authenticator& authenticator_;
    const StreamExists stream_exists_;
    std::vector<std::unique_ptr<ShardPart>> parts_;  // each touched by its shard alone
};

}  // namespace

ListenerSpec listener(
    std::string name,
    const Config& config,
    auth::Authenticator& authenticator,
    std::uint32_t shards,
    StreamExists stream_exists
) {
    ListenerSpec spec;
    spec.name = std::move(name);
    spec.listen = config.listen;
    spec.tls = config.tls;
    spec.limits = config.limits;
    spec.protocol =
        std::make_shared<HttpProtocol>(config, authenticator, shards, std::move(stream_exists));
    return spec;
}

}  // namespace penstock::ingest::http

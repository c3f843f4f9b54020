#include "base/metrics.h"
#include "ingest/listening_socket.h"
#include "ingest/shard_listeners.h"
#include "ingest/tls.h"

#include <atomic>
#include <csignal>
#include <cstring>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace penstock::ingest {
namespace {

/// What counts as one address: an IPv4 address, or the /64 network of an IPv6 one.
std::uint64_t network_of(const Peer& peer) noexcept {
    static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const bool four = std::memcmp(peer.address.data(), kMapped.data(), kMapped.size()) == 0;
    std::uint64_t network = 0;
    std::memcpy(&network, peer.address.data() + (four ? 8 : 0), 8);
    return network;
}

class BoundListener final : public Listener {
public:
    BoundListener(
        ListenerSpec spec,
        ListeningSockets sockets,
        std::unique_ptr<TlsServer> tls,
        std::uint32_t index,
        metrics::Registry& registry
    )
        : spec_(std::move(spec)),
          sockets_(std::move(sockets.sockets)),
          address_(std::move(sockets.address)),
          tls_(std::move(tls)),
          index_(index) {
        if (tls_ == nullptr) return;
        expiry_ = registry.gauge_fn(
            "penstock_tls_certificate_expiry_timestamp_seconds",
            "When the certificate in use ends, in seconds since 1970.",
            {{"listener", spec_.name}},
            [this] { return tls_->certificate_expiry(); }
        );
    }

    [[nodiscard]] const std::string& name() const noexcept override { return spec_.name; }
    [[nodiscard]] const Endpoint& address() const noexcept override { return address_; }
    [[nodiscard]] const ConnectionLimits& limits() const noexcept override { return spec_.limits; }
    [[nodiscard]] Protocol& protocol() const noexcept override { return *spec_.protocol; }
    [[nodiscard]] bool secure() const noexcept override { return tls_ != nullptr; }
    [[nodiscard]] std::uint32_t index() const noexcept override { return index_; }
    [[nodiscard]] int descriptor(ShardId shard) const noexcept override {
        return sockets_[shard.value].fd();
    }
    [[nodiscard]] const TlsConfig* tls() const noexcept override {
        return spec_.tls ? &*spec_.tls : nullptr;
    }

    [[nodiscard]] std::string_view enter(const Peer& peer) override {
        if (connections_.fetch_add(1, std::memory_order_relaxed) >= spec_.limits.connections) {
            connections_.fetch_sub(1, std::memory_order_relaxed);
            return "connections";
        }
        if (spec_.limits.connections_per_address == 0) return {};
        const std::lock_guard lock(mutex_);
        std::uint32_t& here = by_network_[network_of(peer)];
        if (here >= spec_.limits.connections_per_address) {
            connections_.fetch_sub(1, std::memory_order_relaxed);
            return "connections_per_address";
        }
        ++here;
        return {};
    }

    void leave(const Peer& peer) noexcept override {
        connections_.fetch_sub(1, std::memory_order_relaxed);
        if (spec_.limits.connections_per_address == 0) return;
        const std::lock_guard lock(mutex_);
        const auto here = by_network_.find(network_of(peer));
        if (here != by_network_.end() && --here->second == 0) by_network_.erase(here);
    }

    [[nodiscard]] Result<Transport> transport(Socket socket) const override {
        if (tls_ == nullptr) return Transport(std::move(socket));
        return tls_->accept(std::move(socket));
    }

    [[nodiscard]] Status reload() { return tls_ == nullptr ? Status{} : tls_->reload(); }

private:
    ListenerSpec spec_;
    std::vector<Socket> sockets_;
    Endpoint address_;
    std::unique_ptr<TlsServer> tls_;
    std::uint32_t index_;
    std::atomic<std::uint32_t> connections_{0};  // relaxed: a bound, not an order
    std::mutex mutex_;  // guards by_network_; taken at accept and close only
    std::unordered_map<std::uint64_t, std::uint32_t> by_network_;
    metrics::Registration expiry_;  // asks tls_: goes first
};

class BoundListeners final : public Listeners {
public:
    BoundListeners(
        std::uint32_t shards, const Clock& clock, metrics::Registry& registry, ByteCount memory
    )
        : clock_(clock),
          registry_(registry),
          memory_share_(memory.value / shards),
          shards_(shards) {}

    Status add(ListenerSpec spec, std::uint32_t shards) {
        std::unique_ptr<TlsServer> tls;
        if (spec.tls) {
            auto opened = TlsServer::open(*spec.tls);
            if (!opened.ok()) return named(spec.name, opened.error());
            tls = std::move(opened).value();
        }
        auto sockets = ListeningSockets::open(spec.listen, shards);
        if (!sockets.ok()) return named(spec.name, sockets.error());
        const auto index = static_cast<std::uint32_t>(listeners_.size());
        listeners_.push_back(std::make_unique<BoundListener>(
            std::move(spec), std::move(sockets).value(), std::move(tls), index, registry_
        ));
        return {};
    }

    [[nodiscard]] Listener* find(std::string_view name) noexcept override {
        for (const auto& listener : listeners_) {
            if (listener->name() == name) return listener.get();
        }
        return nullptr;
    }
    [[nodiscard]] std::size_t size() const noexcept override { return listeners_.size(); }
    [[nodiscard]] Listener& at(std::size_t index) noexcept override { return *listeners_[index]; }
    [[nodiscard]] const Clock& clock() const noexcept override { return clock_; }
    [[nodiscard]] metrics::Registry& registry() const noexcept override { return registry_; }
    [[nodiscard]] std::size_t memory_share() const noexcept override { return memory_share_; }

    [[nodiscard]] Status reload() override {
        std::string failed;
        for (const auto& listener : listeners_) {
            const Status status = listener->reload();
            if (status.ok()) continue;
            if (!failed.empty()) failed += "; ";
            failed += "listener '" + listener->name() + "': " + status.error().message;
        }
        if (failed.empty()) return {};
        return Error{Errc::invalid_argument, std::move(failed)};
    }

    void attach(ShardId shard, ShardListeners* ingest) noexcept override {
        shards_[shard.value].store(ingest, std::memory_order_release);
    }
    [[nodiscard]] ShardListeners* shard(ShardId shard) const noexcept override {
        return shards_[shard.value].load(std::memory_order_acquire);
    }

private:
    static Error named(const std::string& name, const Error& error) {
        return {error.code, "listener '" + name + "': " + error.message};
    }

    const Clock& clock_;
    metrics::Registry& registry_;
    std::size_t memory_share_;
    std::vector<std::unique_ptr<BoundListener>> listeners_;
    std::vector<std::atomic<ShardListeners*>>
        shards_;  // stored by a shard's maker, loaded on its thread
};

}  // namespace

Result<std::unique_ptr<Listeners>> Listeners::open(
    std::vector<ListenerSpec> specs,
    std::uint32_t shards,
    const Clock& clock,
    metrics::Registry& registry,
    ByteCount memory
) {
    // OpenSSL writes with write(2), which raises SIGPIPE when the peer is gone.
    (void)std::signal(SIGPIPE, SIG_IGN);
    auto made = std::make_unique<BoundListeners>(shards, clock, registry, memory);
    for (ListenerSpec& spec : specs)
        PS_CHECK(made->add(std::move(spec), shards));
    return std::unique_ptr<Listeners>(std::move(made));
}

Admission::~Admission() {
    if (listener_ != nullptr) listener_->leave(peer_);
}

}  // namespace penstock::ingest

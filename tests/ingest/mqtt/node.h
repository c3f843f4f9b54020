#pragma once

#include "auth/authenticator.h"
#include "base/metrics.h"
#include "fake_intake.h"
#include "ingest/mqtt/server.h"
#include "ingest/shard_listeners.h"
#include "wire.h"

#include <arpa/inet.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Time that a test turns by hand.
class HandClock final : public penstock::Clock {
public:
    [[nodiscard]] penstock::Nanoseconds wall() const noexcept override { return wall_; }
    [[nodiscard]] penstock::Nanoseconds monotonic() const noexcept override { return monotonic_; }
    void advance(penstock::Nanoseconds span) noexcept { wall_ += span, monotonic_ += span; }

private:
    penstock::Nanoseconds wall_ = 1'700'000'000 * penstock::kSecond;
    penstock::Nanoseconds monotonic_ = 1000 * penstock::kSecond;
};

/// Lets in whom it is told to, at once or when asked.
class FakeAuthenticator final : public penstock::auth::Authenticator {
public:
    std::optional<penstock::auth::Verdict> authenticate(
        const penstock::auth::Credentials& credentials, Callback later
    ) override {
        seen.push_back(
            {std::string(credentials.user),
             std::string(credentials.password),
             std::string(credentials.certificate),
             std::string(credentials.client_id),
             credentials.loopback}
        );
        if (!hold) return verdict;
        pending.push_back(std::move(later));
        return std::nullopt;
    }
    penstock::Status reload(const penstock::auth::Config&) override { return {}; }
    [[nodiscard]] std::uint64_t generation() const noexcept override { return 0; }
    [[nodiscard]] bool takes_anonymous(bool) const noexcept override { return true; }

    struct Seen {
        std::string user, password, certificate, client_id;
        bool loopback;
    };
    std::vector<Seen> seen;
    std::vector<Callback> pending;
    penstock::auth::Verdict verdict{penstock::auth::Decision::allowed, {}, {}};
    bool hold = false;
};

/// The listeners of a node with several shards, all driven by the test's thread, on real sockets.
class Node final : public penstock::Shards {
public:
    explicit Node(
        std::uint32_t shard_count = 1,
        penstock::ingest::MqttListenerConfig settings = {},
        penstock::ByteCount memory = penstock::ingest::kConnectionMemory
    ) {
        settings.listen = {"127.0.0.1", 0};
        auto server = std::make_shared<penstock::mqtt::Server>(authenticator, shard_count);
        std::vector<penstock::ingest::ListenerSpec> specs;
        specs.push_back(server->listener("mqtt", settings));
        auto opened = penstock::ingest::Listeners::open(
            std::move(specs), shard_count, clock, registry, memory
        );
        INFO((opened.ok() ? "" : opened.error().message));
        REQUIRE(opened.ok());
        listeners = std::move(opened).value();
        for (std::uint32_t i = 0; i < shard_count; ++i) {
            loops.push_back(std::make_unique<boost::asio::io_context>(1));
            intakes.push_back(std::make_unique<FakeIntake>());
        }
        for (std::uint32_t i = 0; i < shard_count; ++i) {
            shards.push_back(std::make_unique<penstock::ingest::ShardListeners>(
                *loops[i], penstock::ShardId{i}, *listeners, *intakes[i], *this
            ));
            shards[i]->start();
        }
    }
    ~Node() override {
        shards.clear();
        loops.clear();
    }
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    [[nodiscard]] std::uint32_t count() const noexcept override {
        return static_cast<std::uint32_t>(loops.size());
    }
    void post(penstock::ShardId shard, std::function<void()> work) override {
        boost::asio::post(*loops[shard.value], std::move(work));
    }

    [[nodiscard]] std::uint16_t port() { return listeners->at(0).address().port; }
    FakeIntake& intake() { return *intakes[0]; }
    [[nodiscard]] double metric(std::string_view name, penstock::metrics::Labels labels = {})
        const {
        labels.insert(labels.begin(), {"listener", "mqtt"});
        return registry.value(name, labels);
    }
    [[nodiscard]] std::size_t connections() const {
        std::size_t all = 0;
        for (const auto& shard : shards)
            all += shard->connections();
        return all;
    }
    [[nodiscard]] std::size_t taken() const {
        std::size_t all = 0;
        for (const auto& intake : intakes)
            all += intake->count;
        return all;
    }
    /// Does the system still let somebody in?
    [[nodiscard]] bool takes_connections() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port());
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const bool taken =
            ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        ::close(fd);
        return taken;
    }
    void durable_all() {
        for (const auto& intake : intakes)
            intake->durable_all();
    }

    /// One round of every loop.
    void step() {
        for (const auto& loop : loops)
            loop->poll();
    }
    /// Goes on until it holds; fails the test after ten seconds.
    template <class Holds>
    void until(Holds holds) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!holds()) {
            REQUIRE(std::chrono::steady_clock::now() < end);
            step();
            ::poll(nullptr, 0, 1);
        }
    }
    /// Time passes, and the shards' timers notice.
    void pass(penstock::Nanoseconds span) {
        clock.advance(span);
        settle(std::chrono::milliseconds(300));  // the wheels turn every 250 ms
    }
    void settle(std::chrono::milliseconds span) {
        const auto end = std::chrono::steady_clock::now() + span;
        while (std::chrono::steady_clock::now() < end) {
            step();
            ::poll(nullptr, 0, 1);
        }
    }

    HandClock clock;
    penstock::metrics::Registry registry;
    FakeAuthenticator authenticator;
    std::vector<std::unique_ptr<boost::asio::io_context>> loops;
    std::vector<std::unique_ptr<FakeIntake>> intakes;
    std::unique_ptr<penstock::ingest::Listeners> listeners;
    std::vector<std::unique_ptr<penstock::ingest::ShardListeners>> shards;
};

/// A device with a real socket to a Node.
class Device {
public:
    explicit Device(Node& node)
        : node_(&node), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(node.port());
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int result =
            ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        REQUIRE((result == 0 || errno == EINPROGRESS));
        node.until([&] {
            pollfd ready{fd_, POLLOUT, 0};
            return ::poll(&ready, 1, 0) == 1;
        });
    }
    Device(Device&& other) noexcept
        : node_(other.node_),
          fd_(std::exchange(other.fd_, -1)),
          heard_(std::move(other.heard_)),
          v5(other.v5) {}
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    ~Device() { close(); }

    Device& sends(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
            if (n < 0 && errno != EAGAIN) break;
            node_->step();
        }
        return *this;
    }
    Device& connects(const wire::Connect& connect = {}) {
        v5 = connect.version == 5;
        sends(wire::connect(connect));
        return hears(v5 ? "connack 0x00" : "connack 0");
    }
    Device& connects_as(std::string id, int version = 4) {
        wire::Connect connect;
        connect.id = std::move(id);
        connect.version = version;
        return connects(connect);
    }
    Device& publishes(
        std::string_view topic, std::string_view payload, unsigned qos = 0, unsigned id = 0
    ) {
        return sends(
            v5 ? wire::publish_v5(topic, payload, qos, id) : wire::publish(topic, payload, qos, id)
        );
    }
    /// Waits until exactly these packets came.
    Device& hears(const std::vector<std::string>& packets) {
        node_->until([&] {
            receive();
            return wire::read(heard_, v5).size() >= packets.size() || ended_;
        });
        const std::vector<std::string> heard = wire::read(heard_, v5);
        CHECK(heard == packets);
        heard_.clear();
        return *this;
    }
    template <class... More>
        requires(std::convertible_to<More, std::string> && ...)
    Device& hears(const std::string& packet, const More&... more) {
        return hears(std::vector<std::string>{packet, more...});
    }
    Device& hears_nothing() {
        node_->settle(std::chrono::milliseconds(30));
        receive();
        CHECK(wire::read(heard_, v5).empty());
        return *this;
    }
    /// The server closes after these last words.
    void is_closed(const std::vector<std::string>& packets = {}) {
        node_->until([&] {
            receive();
            return ended_;
        });
        CHECK(wire::read(heard_, v5) == packets);
    }
    [[nodiscard]] bool ended() {
        receive();
        return ended_;
    }
    void half_closes() { ::shutdown(fd_, SHUT_WR); }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    void resets() {
        const linger now{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }
    [[nodiscard]] int fd() const { return fd_; }
    std::string& heard() {
        receive();
        return heard_;
    }

private:
    void receive() {
        char buffer[65'536];
        for (;;) {
            const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
            if (n > 0) {
                heard_.append(buffer, static_cast<std::size_t>(n));
                continue;
            }
            if (n == 0 || errno != EAGAIN) ended_ = true;
            if (n == 0) half_closes();  // as a device does
            return;
        }
    }

    Node* node_;
    int fd_;
    std::string heard_;
    bool ended_ = false;

public:
    bool v5 = false;
};

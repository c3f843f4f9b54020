#pragma once

#include "base/mqtt/decode.h"
#include "ingest/mqtt/wire.h"
#include "support/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace penstock::test {

/// An MQTT broker that takes messages of QoS 1, forwards them to nobody, and does what no real one
/// does on demand.
/// Threads: owner, at rest; it answers on a thread of its own.
class FakeMqttBroker {
public:
    struct Message {
        std::string topic;
        std::string payload;
    };
    /// How it behaves; changed at any time.
    struct Manners {
        unsigned connack = 0;            // reason of MQTT 5, return code of MQTT 3
        std::string connack_properties;  // as bytes
        std::string farewell;            // a packet that ends every connection
        bool half_once = false;          // of the messages that come next takes half
        bool gather = false;             // answers when nothing more comes
        bool mute = false;               // no PINGRESP
        bool extra_puback = false;       // two PUBACKs for one message
        /// Reason of the PUBACK; only below 0x80 the message is kept.
        std::function<unsigned(const Message&)> judge = [](const Message&) { return 0U; };
    };

    FakeMqttBroker() {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const plain = reinterpret_cast<sockaddr*>(&address);
        const bool ready = ::bind(listener_, plain, size) == 0 && ::listen(listener_, 64) == 0 &&
                           ::getsockname(listener_, plain, &size) == 0;
        if (!ready) throw std::runtime_error("fake MQTT broker: cannot listen");
        port_ = ntohs(address.sin_port);
        thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    }
    ~FakeMqttBroker() {
        thread_.request_stop();
        thread_.join();
        for (const Peer& peer : peers_)
            ::close(peer.fd);
        ::close(listener_);
    }
    FakeMqttBroker(const FakeMqttBroker&) = delete;
    FakeMqttBroker& operator=(const FakeMqttBroker&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// `change` gets the manners; existing connections end when `drop`.
    void set(const std::function<void(Manners&)>& change, bool drop = false) {
        const std::lock_guard lock(mutex_);
        change(manners_);
        drop_ = drop_ || drop;
    }
    [[nodiscard]] std::vector<Message> messages() const {
        const std::lock_guard lock(mutex_);
        return messages_;
    }
    /// The most messages that waited for their PUBACK at a time.
    [[nodiscard]] std::size_t most_waiting() const noexcept { return most_waiting_; }
    /// Packets that were no messages, as "pingreq", "disconnect", in order.
    [[nodiscard]] std::vector<std::string> others() const {
        const std::lock_guard lock(mutex_);
        return others_;
    }
    [[nodiscard]] std::vector<std::string> client_ids() const {
        const std::lock_guard lock(mutex_);
        return client_ids_;
    }

private:
    struct Peer {
        int fd = -1;
        mqtt::Version version = mqtt::Version::v5;
        std::string in;
        std::vector<std::pair<unsigned, Message>> waiting;
        bool greeted = false;
        bool over = false;
    };

    void run(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            std::vector<pollfd> waits{{listener_, POLLIN, 0}};
            for (const Peer& peer : peers_)
                waits.push_back({peer.fd, POLLIN, 0});
            ::poll(waits.data(), waits.size(), 10);
            const std::lock_guard lock(mutex_);
            const int made = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (made >= 0) peers_.emplace_back().fd = made;
            for (Peer& peer : peers_)
                step(peer);
            drop_ = false;
            peers_.remove_if([](const Peer& peer) {
                if (peer.over) ::close(peer.fd);
                return peer.over;
            });
        }
    }

    void step(Peer& peer) {
        if (drop_) peer.over = true;
        if (!manners_.farewell.empty() && peer.greeted) {
            say(peer, manners_.farewell);
            peer.over = true;
        }
        std::array<char, 65536> block{};
        const auto got = ::recv(peer.fd, block.data(), block.size(), 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) peer.over = true;
        if (got > 0) peer.in.append(block.data(), static_cast<std::size_t>(got));
        while (!peer.over && take_packet(peer)) {
        }
        most_waiting_ = std::max(most_waiting_.load(), peer.waiting.size());
        if (!peer.over && (got <= 0 || !manners_.gather)) answer(peer);
    }

    bool take_packet(Peer& peer) {
        mqtt::Frame frame;
        std::size_t need = 0;
        const auto bytes = std::as_bytes(std::span(peer.in));
        if (mqtt::next_frame(bytes, std::size_t{1} << 20U, frame, need) != mqtt::Framing::whole)
            return false;
        switch (frame.type()) {
            case mqtt::PacketType::connect:
                greet(peer, frame);
                break;
            case mqtt::PacketType::publish:
                keep_waiting(peer, frame);
                break;
            default:
                others_.emplace_back(name(frame.type()));
                if (frame.type() == mqtt::PacketType::disconnect) peer.over = true;
                if (frame.type() == mqtt::PacketType::pingreq && !manners_.mute)
                    say(peer, wire::packet(0xD0, ""));
        }
        peer.in.erase(0, frame.size);
        return true;
    }

    void greet(Peer& peer, const mqtt::Frame& frame) {
        mqtt::Connect hello;
        peer.over = mqtt::decode_connect(frame, 8, hello) != mqtt::Reason::success;
        peer.version = hello.version;
        peer.greeted = true;
        client_ids_.emplace_back(hello.client_id);
        const std::string properties = hello.version == mqtt::Version::v5
                                           ? wire::section(manners_.connack_properties)
                                           : std::string();
        say(peer, wire::packet(0x20, wire::u8(0) + wire::u8(manners_.connack) + properties));
        if (manners_.connack != 0) peer.over = true;
    }

    static void keep_waiting(Peer& peer, const mqtt::Frame& frame) {
        mqtt::Publish packet;
        peer.over = mqtt::decode_publish(frame, peer.version, 8, packet) != mqtt::Reason::success ||
                    packet.qos != 1;
        peer.waiting.emplace_back(
            packet.packet_id, Message{std::string(packet.topic), std::string(packet.payload)}
        );
    }

    /// PUBACKs; MQTT 3 has none that says no.
    void answer(Peer& peer) {
        if (peer.waiting.empty()) return;
        const bool five = peer.version == mqtt::Version::v5;
        const bool half = std::exchange(manners_.half_once, false);
        const std::size_t good = half ? peer.waiting.size() / 2 : peer.waiting.size();
        for (std::size_t i = 0; i < peer.waiting.size(); ++i) {
            auto& [id, message] = peer.waiting[i];
            const unsigned reason = i < good ? manners_.judge(message) : 0x97;
            if (!five && reason >= 0x80) {
                peer.over = true;
                break;
            }
            if (reason < 0x80) messages_.push_back(message);
            const std::string said = reason == 0 ? "" : wire::u8(reason);
            const std::string puback = wire::packet(0x40, wire::u16(id) + said);
            say(peer, manners_.extra_puback ? puback + puback : puback);
        }
        peer.waiting.clear();
    }

    static void say(Peer& peer, std::string_view bytes) {
        if (::send(peer.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(bytes.size())) {
            peer.over = true;
        }
    }

    int listener_ = -1;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;  // guards what follows, but for `peers_`
    Manners manners_;
    std::vector<Message> messages_;
    std::vector<std::string> others_;
    std::vector<std::string> client_ids_;
    bool drop_ = false;
    std::atomic<std::size_t> most_waiting_{0};
    std::list<Peer> peers_;  // of the thread
    std::jthread thread_;
};

}  // namespace penstock::test

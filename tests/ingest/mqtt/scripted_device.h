#pragma once

#include "base/metrics.h"
#include "fake_intake.h"
#include "ingest/config.h"
#include "ingest/mqtt/session.h"
#include "ingest/shard_listeners.h"
#include "wire.h"

#include <catch2/catch.hpp>

#include <concepts>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A device and the session at the other end, without a socket between them. The device's bytes lie
/// in a heap block of exactly their size (and the padding that payloads are promised), so that a
/// sanitizer sees every read beyond.
///
///     device.connects().publishes("t/1", "{}", 1, 7).hears_nothing();
///     device.intake.durable_all();
///     device.hears(wire::puback(7));
class ScriptedDevice {
public:
    ScriptedDevice() { settle_durables(); }
    explicit ScriptedDevice(const penstock::ingest::MqttListenerConfig& with) : settings(with) {
        settle_durables();
    }

    ScriptedDevice& sends(std::string_view bytes) {
        kept_ += bytes;
        feed();
        return *this;
    }
    ScriptedDevice& connects(const wire::Connect& connect = {}) {
        v5 = connect.version == 5;
        sends(wire::connect(connect));
        hears(v5 ? "connack 0x00" : "connack 0");
        return *this;
    }
    ScriptedDevice& connects_v5(std::string properties = {}) {
        wire::Connect connect;
        connect.version = 5;
        connect.properties = std::move(properties);
        return connects(connect);
    }
    ScriptedDevice& publishes(
        std::string_view topic, std::string_view payload, unsigned qos = 0, unsigned id = 0
    ) {
        return sends(
            v5 ? wire::publish_v5(topic, payload, qos, id) : wire::publish(topic, payload, qos, id)
        );
    }
    ScriptedDevice& hears(const std::vector<std::string>& packets) {
        const std::vector<std::string> heard = wire::read(take_output(), v5);
        CHECK(heard == packets);
        return *this;
    }
    template <class... More>
        requires(std::convertible_to<More, std::string> && ...)
    ScriptedDevice& hears(const std::string& packet, const More&... more) {
        return hears(std::vector<std::string>{packet, more...});
    }
    ScriptedDevice& hears_nothing() { return hears(std::vector<std::string>{}); }
    /// The server closes, after these last words.
    void is_closed(const std::vector<std::string>& packets = {}) {
        hears(packets);
        CHECK(last == penstock::mqtt::Next::end);
    }
    void is_open() { CHECK(last != penstock::mqtt::Next::end); }

    std::string take_output() {
        const auto view = output.view();
        std::string bytes(reinterpret_cast<const char*>(view.data()), view.size());
        output.clear();
        return bytes;
    }

    /// After room: what was not taken is shown again.
    void feed() {
        using penstock::mqtt::Framing;
        using penstock::mqtt::Next;
        while (last != Next::end && !kept_.empty()) {
            const auto block = std::make_unique<char[]>(kept_.size() + penstock::kPayloadPadding);
            std::memcpy(block.get(), kept_.data(), kept_.size());
            penstock::mqtt::Frame frame;
            std::size_t need = 0;
            const Framing framing = penstock::mqtt::next_frame(
                std::as_bytes(std::span(block.get(), kept_.size())),
                session.max_packet(settings),
                frame,
                need
            );
            if (framing == Framing::partial && session.expects(static_cast<std::byte>(kept_[0])))
                return;
            auto at = desk();
            last = framing == Framing::whole ? session.receive(frame, at)
                                             : session.receive_broken(framing, at);
            if (last == Next::busy) return;
            kept_.erase(0, framing == Framing::whole ? frame.size : kept_.size());
            if (last == Next::log_in && log_in) {
                session.accept(at);
                last = Next::go_on;
            }
        }
    }

    penstock::mqtt::Desk desk() { return {settings, intake, cells, output, {0, 1, 0}, 1000, now}; }

    penstock::ingest::MqttListenerConfig settings;
    FakeIntake intake;
    penstock::metrics::Registry registry;
    penstock::ingest::ListenerCells cells{registry, "mqtt"};
    penstock::Bytes output;
    penstock::mqtt::Session session;
    penstock::mqtt::Next last = penstock::mqtt::Next::go_on;
    penstock::Nanoseconds now = penstock::kSecond;
    bool v5 = false;
    bool log_in = true;  // accept every CONNECT

private:
    void settle_durables() {
        intake.on_durable = [this](const std::vector<penstock::Ticket>& tickets) {
            auto at = desk();
            for (const penstock::Ticket& ticket : tickets)
                session.durable(ticket.sequence, at);
        };
    }

    std::string kept_;
};

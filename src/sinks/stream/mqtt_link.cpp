#include "sinks/stream/mqtt_link.h"

#include "base/mqtt/decode.h"
#include "base/mqtt/encode.h"
#include "sinks/stream/mqtt_reasons.h"
#include "sinks/transport/host_port.h"

#include <algorithm>
#include <utility>

namespace penstock::sinks {
namespace {

constexpr std::uint32_t kUserPropertiesMax = 64;

ByteStreamConfig stream_of(const MqttConfig& config) {
    ByteStreamConfig out;
    if (auto address = HostPort::parse(config.server, config.use_tls ? kMqttTlsPort : kMqttPort)) {
        out.host = std::move(address->host);
        out.port = address->port;
    }
    out.use_tls = config.use_tls;
    out.tls = config.tls;
    out.connect_timeout = config.connect_timeout;
    return out;
}

std::string_view text_of(const Bytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.view().data()), bytes.size()};
}

}  // namespace

MqttLink::MqttLink(const MqttConfig& config, std::string_view client_id, const Clock& clock)
    : clock_(clock),
      version_(config.version),
      retain_(config.retain),
      keep_alive_(config.keep_alive.count() / kSecond * kSecond),
      stream_(stream_of(config)),
      sent_at_(clock.monotonic()),
      heard_at_(sent_at_) {
    mqtt::Connect hello;
    hello.version = version_;
    hello.clean_start = true;
    hello.keep_alive = static_cast<std::uint16_t>(keep_alive_ / kSecond);
    hello.client_id = client_id;
    hello.has_user = !config.user.empty();
    hello.user = config.user;
    hello.has_password = !config.password.empty();
    hello.password = config.password.reveal();
    hello.properties.max_packet = kPacketMax;
    Bytes packet;
    mqtt::encode_connect(hello, packet);
    put_out(packet);
}

void MqttLink::end(SinkFailure why) {
    if (!failure_) failure_ = std::move(why);
}

void MqttLink::broken(std::string_view what) {
    end(
        {FailureClass::configuration,
         "the far side is no MQTT broker: " + std::string(what),
         {},
         false}
    );
}

void MqttLink::put_out(const Bytes& packet) {
    stream_.send(text_of(packet));
    sent_at_ = clock_.monotonic();
}

void MqttLink::send(std::string_view packet) {
    sent_at_ = clock_.monotonic();
    if (awaited_++ == 0) heard_at_ = sent_at_;
    stream_.send(packet);
}

void MqttLink::close() {
    if (!ready()) return;
    Bytes packet;
    mqtt::encode_normal_disconnect(packet);
    put_out(packet);
    stream_.poll(0, in_);
}

void MqttLink::greet(const mqtt::Frame& frame) {
    mqtt::ConnackReply reply;
    if (frame.type() != mqtt::PacketType::connack ||
        mqtt::decode_connack(frame, version_, kUserPropertiesMax, reply) != mqtt::Reason::success) {
        return broken("its answer to CONNECT is none");
    }
    const mqtt::Properties& p = reply.properties;
    if (reply.reason != mqtt::Reason::success) {
        return end(mqtt_connection_failure(reply.reason, p.reason_string));
    }
    if (p.maximum_qos == 0) {
        return end(
            {FailureClass::configuration,
             "the broker takes messages of QoS 0 only (Maximum QoS): it would confirm none",
             {},
             false}
        );
    }
    if (retain_ && !p.retain_available) {
        return end(
            {FailureClass::configuration, "the broker keeps no messages: see 'retain'", {}, false}
        );
    }
    MqttLimits limits;
    limits.receive_maximum = p.receive_maximum;
    limits.packet_max = p.max_packet;
    limits.keep_alive = keep_alive_;
    if (p.has(mqtt::property::kServerKeepAlive)) {
        limits.keep_alive = Nanoseconds{p.server_keep_alive} * kSecond;
    }
    limits_ = limits;
    heard_at_ = clock_.monotonic();
}

void MqttLink::take_puback(const mqtt::Frame& frame, std::vector<MqttAck>& acks) {
    mqtt::PubackReply reply;
    if (mqtt::decode_puback(frame, version_, kUserPropertiesMax, reply) != mqtt::Reason::success ||
        awaited_ == 0) {
        return broken("a PUBACK that is none");
    }
    --awaited_;
    heard_at_ = clock_.monotonic();
    acks.push_back({reply.packet_id, reply.reason, std::string(reply.properties.reason_string)});
}

void MqttLink::take(const mqtt::Frame& frame, std::vector<MqttAck>& acks) {
    if (!limits_) return greet(frame);
    switch (frame.type()) {
        case mqtt::PacketType::puback:
            return take_puback(frame, acks);
        case mqtt::PacketType::pingresp:
            if (mqtt::decode_pingresp(frame) != mqtt::Reason::success)
                return broken("a bad PINGRESP");
            pinged_ = false;
            return;
        case mqtt::PacketType::disconnect: {
            mqtt::Disconnect last;
            if (mqtt::decode_server_disconnect(frame, version_, kUserPropertiesMax, last) !=
                mqtt::Reason::success) {
                return broken("a bad DISCONNECT");
            }
            return end(mqtt_connection_failure(
                static_cast<mqtt::Reason>(last.reason), last.properties.reason_string
            ));
        }
        default:
            return broken("it sends " + std::string(mqtt::name(frame.type())));
    }
}

void MqttLink::read(std::vector<MqttAck>& acks) {
    const auto bytes = std::as_bytes(std::span(in_));
    std::size_t at = 0;
    while (!failure_) {
        mqtt::Frame frame;
        std::size_t need = 0;
        const auto framing = mqtt::next_frame(bytes.subspan(at), kPacketMax, frame, need);
        if (framing == mqtt::Framing::partial) break;
        if (framing != mqtt::Framing::whole) return broken("a packet that is none, or too large");
        take(frame, acks);
        at += frame.size;
    }
    in_.erase(0, at);
}

Nanoseconds MqttLink::ping_in(Nanoseconds interval) const noexcept {
    if (pinged_) return interval;
    return std::max<Nanoseconds>(sent_at_ + interval - clock_.monotonic(), 0);
}

void MqttLink::ping(Nanoseconds interval) {
    if (!ready() || pinged_ || interval <= 0 || ping_in(interval) > 0) return;
    Bytes packet;
    mqtt::encode_pingreq(packet);
    put_out(packet);
    pinged_ = true;
    pinged_at_ = sent_at_;
}

void MqttLink::poll(
    Nanoseconds wait, Nanoseconds interval, Nanoseconds patience, std::vector<MqttAck>& acks
) {
    if (failure_) return;
    ping(interval);
    stream_.poll(wait, in_);
    read(acks);
    if (!failure_ && stream_.state() == ByteStream::State::over) {
        SinkFailure why = failure_of(stream_.error());
        why.lost_contact = true;
        return end(std::move(why));
    }
    const Nanoseconds now = clock_.monotonic();
    const bool silent = (!limits_ || awaited_ > 0) && now - heard_at_ >= patience;
    if (silent || (pinged_ && now - pinged_at_ >= patience)) {
        end({FailureClass::transient, "the broker does not answer", {}, true});
    }
}

}  // namespace penstock::sinks

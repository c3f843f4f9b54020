#include "ingest/mqtt/session.h"

#include "base/utf8.h"
#include "config/secret.h"
#include "ingest/config.h"
#include "ingest/shard_listeners.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::mqtt {
namespace {

using Settings = ingest::MqttListenerConfig;

/// Nothing is known of the client yet; wills and credentials near their 64 KiB are rare.
constexpr std::size_t kConnectMax = 80 << 10;

std::uint32_t microseconds(Nanoseconds time) noexcept {
    return static_cast<std::uint32_t>(time / kMicrosecond);
}

/// User names that SDKs add to, `name?SDK=...`, are known by the part before it.
std::string_view without_query(std::string_view user) noexcept {
    return user.substr(0, user.find('?'));
}

Reason reason_of(Refusal refusal) noexcept {
    switch (refusal) {
        case Refusal::unrouted:
            return Reason::topic_name_invalid;
        case Refusal::too_large:
            return Reason::implementation_specific;
        default:
            return Reason::payload_format_invalid;
    }
}

std::string text_of(const Reply& reply) {
    std::string text(reply.reason);
    if (!reply.pointer.empty()) {
        text += " at ";
        text += reply.pointer.substr(0, 200);
    }
    // Pointers hold member names as the device wrote them: a bad one must not make a bad packet.
    if (text::classify_utf8(text) == text::Text::malformed) return std::string(reply.reason);
    return text;
}

}  // namespace

Login::~Login() {
    wipe(password);
}

Session::~Session() = default;

std::size_t Session::max_packet(const Settings& settings) const noexcept {
    const std::size_t max = settings.max_packet.value;
    return state_ == State::fresh ? std::min(max, kConnectMax) : max;
}

Next Session::receive(const Frame& frame, Desk& desk) {
    if (state_ == State::fresh) {
        if (frame.type() == PacketType::connect) return connect(frame, desk);
        return receive_broken(Framing::partial, desk);
    }
    if (state_ != State::connected) return end(end_reason_);
    switch (frame.type()) {
        case PacketType::publish:
            return publish(frame, desk);
        case PacketType::pingreq:
            return ping(frame, desk);
        case PacketType::subscribe:
            return subscribe(frame, desk);
        case PacketType::unsubscribe:
            return unsubscribe(frame, desk);
        case PacketType::disconnect:
            return disconnect(frame, desk);
        case PacketType::pubrel:
            return release_id(frame, desk);
        case PacketType::reserved:
            return fail(Reason::malformed_packet, desk);
        default:
            return fail(Reason::protocol_error, desk);  // a server's packet, a second CONNECT, AUTH
    }
}

Next Session::receive_broken(Framing fault, Desk& desk) {
    if (fault == Framing::partial) {              // something that is no CONNECT
        desk.cells.protocol_error("no_connect");  // [MQTT-3.1.0-1]
        failed_ = true;
        return end("no_connect");
    }
    return fail(
        fault == Framing::too_large ? Reason::packet_too_large : Reason::malformed_packet, desk
    );
}

Next Session::fail(Reason reason, Desk& desk) {
    desk.cells.protocol_error(name(reason));
    failed_ = true;
    say_goodbye(reason, {}, desk);
    return end(name(reason));
}

Next Session::end(std::string_view reason) noexcept {
    end_reason_ = reason;
    state_ = State::ended;
    return Next::end;
}

void Session::say_goodbye(Reason reason, std::string_view text, Desk& desk) {
    if (state_ != State::connected || version_ != Version::v5) return;
    encode_disconnect(reason, text, client_max_packet_, desk.out);
}

// ---- CONNECT

Next Session::connect(const Frame& frame, Desk& desk) {
    Connect packet;
    Reason reason = decode_connect(frame, desk.settings.max_user_properties, packet);
    version_ = packet.version;
    if (reason == Reason::success) reason = check_connect(packet, desk);
    if (reason != Reason::success) {
        desk.cells.protocol_error(name(reason));
        failed_ = true;
        refuse(reason, {}, desk);
        return Next::end;
    }
    keep_connect(packet, desk);
    state_ = State::logging_in;
    return Next::log_in;
}

Reason Session::check_connect(const Connect& packet, const Desk& desk) const {
    const Settings& settings = desk.settings;
    const bool five = packet.version == Version::v5;
    if (packet.properties.has(property::kAuthenticationMethod))
        return Reason::bad_authentication_method;
    // An empty id asks for one; a client that wants its state kept needs one of its own
    // [MQTT-3.1.3-8].
    const bool needs_id = packet.version == Version::v31 || (!five && !packet.clean_start);
    if (packet.client_id.empty() && needs_id) return Reason::client_id_not_valid;
    if (packet.client_id.size() > settings.max_client_id_bytes ||
        text::classify_utf8(packet.client_id) != text::Text::clean) {
        return Reason::client_id_not_valid;
    }
    if (!packet.has_will) return Reason::success;
    const TopicFault fault =
        check_topic_name(packet.will_topic, settings.max_topic_bytes, settings.max_topic_levels);
    if (fault != TopicFault::none) return Reason::topic_name_invalid;
    return five && packet.will_qos == 2 ? Reason::qos_not_supported : Reason::success;
}

void Session::keep_connect(const Connect& packet, const Desk& desk) {
    login_ = std::make_unique<Login>();
    login_->client_id = packet.client_id;
    login_->user = without_query(packet.user);
    login_->password = packet.password;
    login_->has_password = packet.has_password;
    login_->clean_start = packet.clean_start;
    client_id_ = packet.client_id;
    client_max_packet_ = packet.properties.max_packet;
    problem_info_ = packet.properties.request_problem_info;
    expiry_overruled_ = packet.properties.session_expiry != 0;
    keep_alive_ = packet.keep_alive;
    const auto longest =
        std::chrono::duration_cast<std::chrono::seconds>(desk.settings.max_keep_alive).count();
    if (longest > 0 && version_ == Version::v5 && (keep_alive_ == 0 || keep_alive_ > longest)) {
        keep_alive_ = server_keep_alive_ =
            static_cast<std::uint16_t>(std::min<std::int64_t>(longest, 65'535));
    }
    if (!packet.has_will) return;
    will_ = std::make_unique<Will>();
    will_->topic = packet.will_topic;
    will_->payload.assign(packet.will_payload.begin(), packet.will_payload.end());
    will_->qos = packet.will_qos;
    will_->retain = packet.will_retain;
    will_->delayed = packet.will_properties.will_delay != 0;
}

void Session::assign(std::string client_id) {
    client_id_ = std::move(client_id);
    id_assigned_ = true;
}

void Session::accept(Desk& desk) {
    Connack connack;
    connack.max_packet = static_cast<std::uint32_t>(desk.settings.max_packet.value);
    connack.receive_maximum = desk.settings.receive_maximum;
    connack.topic_alias_max = desk.settings.topic_alias_max;
    connack.session_expires = expiry_overruled_;
    connack.server_keep_alive = server_keep_alive_;
    if (id_assigned_) connack.assigned_client_id = client_id_;
    encode_connack(connack, version_, desk.out);
    login_.reset();
    accepted_ = true;
    state_ = State::connected;
}

void Session::refuse(Reason reason, std::string_view text, Desk& desk) {
    // MQTT 3 closes without a word on a broken CONNECT; MQTT 5 may say why.
    const bool broken = reason == Reason::malformed_packet || reason == Reason::protocol_error;
    if (version_ == Version::v5 || !broken) {
        Connack connack;
        connack.reason = reason;
        connack.reason_string = text;
        encode_connack(connack, version_, desk.out);
    }
    login_.reset();
    end(name(reason));
}

// ---- PUBLISH

Next Session::publish(const Frame& frame, Desk& desk) {
    Publish packet;
    const Reason reason =
        decode_publish(frame, version_, desk.settings.max_user_properties, packet);
    if (reason != Reason::success) return fail(reason, desk);
    if (packet.qos == 2) return fail(Reason::qos_not_supported, desk);
    if (packet.topic_alias > desk.settings.topic_alias_max)
        return fail(Reason::topic_alias_invalid, desk);
    if (packet.topic.empty() && packet.topic_alias != 0) {
        packet.topic = aliases_.find(packet.topic_alias);
        if (packet.topic.empty()) return fail(Reason::topic_alias_invalid, desk);
        return submit(packet, frame.size, desk);
    }
    switch (check_topic_name(
        packet.topic, desk.settings.max_topic_bytes, desk.settings.max_topic_levels
    )) {
        case TopicFault::none:
            break;
        case TopicFault::malformed:
            return fail(Reason::malformed_packet, desk);
        case TopicFault::invalid:
            // Neither topic nor alias is a protocol error (section 3.3.2.3.4).
            return fail(
                packet.topic.empty() ? Reason::protocol_error : Reason::topic_name_invalid, desk
            );
        case TopicFault::too_long:
            return long_topic(packet, frame.size, desk);
    }
    if (packet.topic_alias != 0)
        aliases_.set(packet.topic_alias, desk.settings.topic_alias_max, packet.topic);
    return submit(packet, frame.size, desk);
}

Next Session::submit(const Publish& packet, std::size_t size, Desk& desk) {
    Message message;
    message.source = Source::mqtt;
    message.qos = packet.qos;
    message.retain = packet.retain;
    message.duplicate = packet.duplicate;
    message.topic = packet.topic;
    message.client_id = client_id_;
    message.payload = packet.payload;
    message.arrival = desk.arrival;
    Ticket ticket = desk.ticket;
    ticket.sequence = packet.qos != 0 ? inflight_.next_sequence() : Ticket::kNoAnswer;

    const Reply reply = desk.intake.submit(message, ticket);
    if (reply.kind == Reply::Kind::busy) return Next::busy;
    if (reply.kind == Reply::Kind::refused) {
        const std::string text = version_ == Version::v5 ? text_of(reply) : std::string();
        return refuse_message(packet, size, reason_of(reply.refusal), text, desk);
    }
    if (packet.qos == 0) return Next::go_on;
    inflight_.take(packet.packet_id, static_cast<std::uint32_t>(size), microseconds(desk.now));
    return full(desk.settings) ? Next::full : Next::go_on;
}

Next Session::refuse_message(
    const Publish& packet, std::size_t size, Reason reason, std::string_view text, Desk& desk
) {
    if (version_ != Version::v5) {
        if (desk.settings.refused_message == ingest::RefusedMessage::disconnect)
            return end("refused_message");
        reason = Reason::success;  // MQTT 3 has no other word
    }
    if (packet.qos == 0) return Next::go_on;
    const std::string_view said = problem_info_ ? text : std::string_view();
    inflight_.take_refused(
        packet.packet_id, static_cast<std::uint32_t>(size), microseconds(desk.now), reason, said
    );
    release(desk);
    return full(desk.settings) ? Next::full : Next::go_on;
}

Next Session::long_topic(const Publish& packet, std::size_t size, Desk& desk) {
    if (version_ != Version::v5) return fail(Reason::topic_name_invalid, desk);
    desk.cells.protocol_error("topic_limit");
    const std::string text = "topic over " + std::to_string(desk.settings.max_topic_bytes) +
                             " bytes or " + std::to_string(desk.settings.max_topic_levels) +
                             " levels";
    return refuse_message(packet, size, Reason::topic_name_invalid, text, desk);
}

void Session::durable(std::uint32_t sequence, Desk& desk) {
    inflight_.settle(sequence);
    release(desk);
}

void Session::release(Desk& desk) {
    const std::uint32_t now = microseconds(desk.now);
    std::uint64_t acknowledged = 0;
    Inflight::Release next;
    while (inflight_.release(next)) {
        if (next.reason == Reason::success) {
            encode_puback(next.packet_id, desk.out);
        } else {
            encode_puback(next.packet_id, next.reason, next.text, client_max_packet_, desk.out);
        }
        if (!next.kept) continue;
        ++acknowledged;
        desk.cells.ack_latency(Nanoseconds{now - next.arrival_us} * kMicrosecond);
    }
    if (acknowledged != 0) desk.cells.acknowledged(acknowledged);
}

bool Session::full(const Settings& settings) const noexcept {
    const std::uint32_t most =
        std::min<std::uint32_t>(settings.receive_maximum, Inflight::kMost - 1);
    return inflight_.bytes() >= settings.limits.in_flight.value || inflight_.size() >= most;
}

bool Session::has_room(const Settings& settings) const noexcept {
    return inflight_.bytes() <= settings.limits.in_flight.value / 2 &&
           inflight_.size() <= settings.receive_maximum / 2;
}

// ---- the others

Next Session::ping(const Frame& frame, Desk& desk) {
    if (const Reason reason = decode_pingreq(frame); reason != Reason::success)
        return fail(reason, desk);
    encode_pingresp(desk.out);
    return Next::go_on;
}

/// May the answer, a byte per filter, be sent to this client [MQTT-3.1.2-24]?
bool Session::fits(const Subscribe& packet) const noexcept {
    constexpr std::uint32_t kBesides = 8;  // fixed header, identifier, property length
    return client_max_packet_ == 0 || packet.filters + kBesides <= client_max_packet_;
}

Next Session::subscribe(const Frame& frame, Desk& desk) {
    Subscribe packet;
    const Reason reason =
        decode_subscribe(frame, version_, desk.settings.max_user_properties, packet);
    if (reason != Reason::success) return fail(reason, desk);
    if (!fits(packet)) return fail(Reason::packet_too_large, desk);
    encode_suback(packet, version_, Reason::implementation_specific, desk.out);
    return Next::go_on;
}

Next Session::unsubscribe(const Frame& frame, Desk& desk) {
    Subscribe packet;
    const Reason reason =
        decode_unsubscribe(frame, version_, desk.settings.max_user_properties, packet);
    if (reason != Reason::success) return fail(reason, desk);
    if (!fits(packet)) return fail(Reason::packet_too_large, desk);
    encode_unsuback(packet, version_, Reason::no_subscription_existed, desk.out);
    return Next::go_on;
}

Next Session::release_id(const Frame& frame, Desk& desk) {
    std::uint16_t packet_id = 0;
    const Reason reason =
        decode_pubrel(frame, version_, desk.settings.max_user_properties, packet_id);
    if (reason != Reason::success) return fail(reason, desk);
    encode_pubcomp(packet_id, version_, desk.out);
    return Next::go_on;
}

Next Session::disconnect(const Frame& frame, Desk& desk) {
    Disconnect packet;
    const Reason reason =
        decode_disconnect(frame, version_, desk.settings.max_user_properties, packet);
    if (reason != Reason::success) return fail(reason, desk);
    // A client without a lasting session cannot ask for one while leaving (section 3.14.2.2.2).
    if (!expiry_overruled_ && packet.properties.session_expiry != 0)
        return fail(Reason::protocol_error, desk);
    if (packet.reason != static_cast<std::uint8_t>(Reason::success))
        return end("client_disconnect_with_will");
    will_.reset();  // [MQTT-3.14.4-3]
    return end("client_disconnect");
}

}  // namespace penstock::mqtt

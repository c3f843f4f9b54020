#include "ingest/mqtt/connection.h"

#include "auth/authenticator.h"
#include "base/log.h"
#include "ingest/mqtt/assigned_id.h"
#include "ingest/mqtt/server.h"
#include "ingest/mqtt/shard_part.h"
#include "penstock/ids.h"

#include <optional>
#include <utility>

namespace penstock::mqtt {

using ingest::Consumed;

Connection::Connection(
    ingest::Arrival arrival, Server& server, const ingest::MqttListenerConfig& settings
)
    : ingest::Connection(std::move(arrival)), server_(server), settings_(settings) {}

Connection::~Connection() = default;

Desk Connection::desk() noexcept {
    return {
        settings_,
        shard().intake(),
        shard().cells(listener()),
        output(),
        ticket(0),
        shard().arrival(),
        shard().now()
    };
}

ShardPart& Connection::part() const noexcept {
    return server_.part(shard().id());
}

// ---- packets

Consumed Connection::received(std::span<const std::byte> bytes) {
    Desk desk = this->desk();
    ShardPart& part = this->part();
    heard_ = desk.now;
    std::size_t at = 0;
    std::uint64_t packets = 0;
    Consumed consumed;
    while (at < bytes.size() && !held(ingest::kHoldProtocol)) {
        Frame frame;
        const Framing framing =
            next_frame(bytes.subspan(at), session_.max_packet(settings_), frame, consumed.need);
        if (framing == Framing::partial && session_.expects(bytes[at])) break;
        const bool whole = framing == Framing::whole;
        const Next next =
            whole ? session_.receive(frame, desk) : session_.receive_broken(framing, desk);
        if (next == Next::busy) {
            wait_for_room();
            break;
        }
        at += whole ? frame.size : bytes.size() - at;
        consumed.need = 1;
        if (whole) {
            ++packets;
            part.received[frame.head >> 4]->add();
        }
        if (next == Next::go_on) continue;
        if (next == Next::full) hold(ingest::kHoldInFlight);
        if (next == Next::log_in) begin_log_in();
        if (next == Next::end) session_ended();
        break;
    }
    if (packets != 0) part.packets_per_read.observe(packets);
    answer();
    consumed.bytes = at;
    return consumed;
}

void Connection::session_ended() {
    if (session_.failed()) {
        log::info(
            "MQTT client broke the protocol",
            {{"listener", listener().name()},
             {"peer", peer().text()},
             {"client_id", session_.client_id()},
             {"reason", session_.end_reason()}}
        );
        return finish(session_.end_reason());
    }
    leave(session_.end_reason(), Reason::success);
}

void Connection::durable(std::uint32_t sequence) {
    if (ending()) return;
    Desk desk = this->desk();
    session_.durable(sequence, desk);
    answer();
    if (held(ingest::kHoldInFlight) && session_.has_room(settings_)) release(ingest::kHoldInFlight);
    if (!leaving_.empty()) leave_if_idle();
}

// ---- logging in

void Connection::begin_log_in() {
    hold(ingest::kHoldProtocol);
    if (shard().draining() || shard().crowded() || shard().intake().closed()) {
        return turn_away(Reason::server_busy, "takes no records at the moment");
    }
    const std::uint32_t shards = shard().shards().count();
    if (session_.client_id().empty()) session_.assign(assigned_client_id(shard().id(), shards));
    const ShardId home = home_shard(device_hash(session_.client_id()), shards);
    if (home == shard().id()) return authenticate();
    shard().move(*this, home, [](ingest::Connection& arrived) {
        static_cast<Connection&>(arrived).authenticate();
    });
}

void Connection::authenticate() {
    hold(ingest::kHoldProtocol);
    set_deadline(shard().now() + kLogInTimeout);
    const Login& login = session_.login();
    const std::string certificate = transport().certificate_identity();
    auth::Credentials credentials;
    credentials.user = login.user;
    credentials.password = login.password;
    credentials.certificate = certificate;
    credentials.client_id = session_.client_id();
    credentials.listener = listener().name();
    credentials.loopback = listener().address().loopback();

    // The verdict may come from another thread, after this connection has gone: it carries its
    // address, not a pointer.
    const auto later = [&shards = shard().shards(),
                        &listeners = shard().listeners(),
                        id = shard().id(),
                        place = ticket(0)](auth::Verdict said) {
        shards.post(id, [&listeners, id, place, verdict = std::move(said)] {
            ingest::ShardListeners* const home = listeners.shard(id);
            if (home == nullptr) return;
            home->run([&] {
                ingest::Connection* const found = home->find(place.connection, place.generation);
                if (found != nullptr) static_cast<Connection*>(found)->decided(verdict);
            });
        });
    };
    const std::optional<auth::Verdict> verdict =
        server_.authenticator().authenticate(credentials, later);
    if (verdict) decided(*verdict);
}

void Connection::decided(const auth::Verdict& verdict) {
    if (ending() || !leaving_.empty()) return;
    if (verdict.decision == auth::Decision::busy)
        return turn_away(Reason::server_busy, "too many log-ins at the moment");
    if (verdict.allowed()) return enter();
    const Login& login = session_.login();
    const bool tried = !login.user.empty() || login.has_password;
    turn_away(tried ? Reason::bad_credentials : Reason::not_authorized, {});
}

void Connection::enter() {
    Clients& clients = part().clients;
    if (Connection* const old = clients.find(session_.client_id())) {
        old->taken_over(session_.login().clean_start);
        clients.leave(session_.client_id(), *old);
    }
    clients.enter(session_.client_id(), *this);
    Desk desk = this->desk();
    session_.accept(desk);
    answer();
    heard_ = desk.now;
    const Nanoseconds patience = session_.patience();
    set_deadline(patience == 0 ? 0 : heard_ + patience);
    release(ingest::kHoldProtocol);
}

void Connection::turn_away(Reason reason, std::string_view text) {
    shard().cells(listener()).refused(name(reason));
    Desk desk = this->desk();
    session_.refuse(reason, text, desk);
    finish("refused");
}

// ---- leaving

void Connection::taken_over(bool clean_start) {
    // A successor that goes on where this one stopped makes a delayed will superfluous (MQTT 5
    // section 3.1.3.2.2).
    if (!clean_start && session_.will_is_delayed()) session_.forget_will();
    leave("taken_over", Reason::session_taken_over);
}

void Connection::leave(std::string_view reason, Reason farewell) {
    if (ending() || !leaving_.empty()) return;
    leaving_ = reason;
    farewell_ = farewell;
    hold(ingest::kHoldEnded);
    set_deadline(shard().now() + kLastAcknowledgements);
    leave_if_idle();
}

void Connection::leave_if_idle() {
    if (!session_.idle()) return;
    Desk desk = this->desk();
    if (farewell_ != Reason::success) session_.say_goodbye(farewell_, {}, desk);
    finish(leaving_);
}

void Connection::peer_ended() {
    if (session_.connected()) return leave("peer_closed", Reason::success);
    if (leaving_.empty()) finish("closed_before_connect");
}

void Connection::expired() {
    if (!leaving_.empty()) return finish(leaving_);
    if (!session_.connected()) {
        shard().cells(listener()).refused("connect_timeout");
        return finish("connect_timeout");
    }
    const Nanoseconds patience = session_.patience();
    // While it is we who do not read, the client cannot be heard.
    if (held(ingest::kHoldRoom) || held(ingest::kHoldInFlight) || held(ingest::kHoldOutput))
        heard_ = shard().now();
    if (heard_ + patience > shard().now()) return set_deadline(heard_ + patience);
    Desk desk = this->desk();
    session_.say_goodbye(Reason::keep_alive_timeout, {}, desk);
    finish("keep_alive_timeout");
}

void Connection::drain() {
    silent_will_ = true;
    if (session_.connected()) return leave("drain", Reason::server_shutting_down);
    if (leaving_.empty()) finish("drain");
}

void Connection::shed() {
    if (session_.connected()) return leave(kShedReason, Reason::quota_exceeded);
    if (leaving_.empty()) finish(kShedReason);
}

void Connection::closed() {
    part().clients.leave(session_.client_id(), *this);
    const std::unique_ptr<Will> will = session_.take_will();
    if (will == nullptr || silent_will_) return;
    Message message;
    message.source = Source::will;
    message.qos = will->qos;
    message.retain = will->retain;
    message.topic = will->topic;
    message.client_id = session_.client_id();
    message.payload = {will->payload.data(), will->payload.size()};
    message.arrival = shard().wall();
    shard().submit_later(message);
}

}  // namespace penstock::mqtt

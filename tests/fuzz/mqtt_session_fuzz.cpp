// A connection's whole life: packets in sequence, with durable records, refusals, a busy intake and
// acknowledgements in between. What the server says is read by code of the tests' own.
#include "base/metrics.h"
#include "fuzz.h"
#include "ingest/config.h"
#include "ingest/mqtt/fake_intake.h"
#include "ingest/mqtt/session.h"
#include "ingest/mqtt/wire.h"
#include "ingest/shard_listeners.h"

#include <chrono>
#include <deque>
#include <string>

namespace penstock::mqtt {
namespace {

using fuzz::Block;
using fuzz::claim;

/// Small bounds, so that short inputs reach them.
ingest::MqttListenerConfig settings_of(fuzz::Input& script) {
    ingest::MqttListenerConfig settings;
    constexpr std::uint16_t kAliases[] = {0, 2, 16};
    settings.topic_alias_max = kAliases[script.choice(3)];
    constexpr std::uint16_t kReceive[] = {65'535, 1, 3};
    settings.receive_maximum = kReceive[script.choice(3)];
    settings.max_packet = ByteCount{script.flag() ? 256U : 4096U};
    settings.limits.in_flight = ByteCount{script.flag() ? 100U : 4096U};
    settings.max_topic_bytes = 24;
    settings.max_topic_levels = 4;
    settings.max_client_id_bytes = 24;
    settings.max_user_properties = 2;
    if (script.flag()) settings.max_keep_alive = std::chrono::seconds(30);
    if (script.flag()) settings.refused_message = ingest::RefusedMessage::disconnect;
    return settings;
}

class Talk {
public:
    explicit Talk(fuzz::Input& script)
        : script_(script), settings_(settings_of(script)), refuse_login_(script.choice(16) == 15) {
        intake_.keep = false;
        intake_.on_durable = [this](const std::vector<Ticket>& tickets) {
            if (session_.failed()) return;  // its connection hears no more of it
            for (const Ticket& ticket : tickets) {
                for (Owed& owed : owed_)
                    if (owed.waits && owed.sequence == ticket.sequence) owed.waits = false;
                auto at = desk();
                session_.durable(ticket.sequence, at);
                listen();
            }
        };
    }

    void hear(std::string_view wire) {
        while (last_ != Next::end) {
            const Block block(wire, kPayloadPadding);
            Frame frame;
            std::size_t need = 0;
            const Framing framing =
                wire.empty()
                    ? Framing::partial
                    : next_frame(block.bytes(), session_.max_packet(settings_), frame, need);
            if (framing == Framing::partial &&
                (wire.empty() || session_.expects(static_cast<std::byte>(wire[0]))))
                break;
            if (framing != Framing::whole) {
                auto at = desk();
                last_ = session_.receive_broken(framing, at);
                claim(last_ == Next::end, "what is no packet ends the connection");
                break;
            }
            show(frame);
            if (last_ != Next::busy) wire.remove_prefix(frame.size);
            meanwhile();
        }
        over();
    }

private:
    /// A PUBACK that the device waits for.
    struct Owed {
        unsigned id;
        bool waits;  // for its record
        std::uint32_t sequence;
    };

    Desk desk() { return {settings_, intake_, cells_, output_, {0, 1, 0}, 1000, kSecond}; }

    void show(const Frame& frame) {
        const bool connected = session_.connected();
        const std::size_t waiting = intake_.waiting.size();
        auto at = desk();
        last_ = session_.receive(frame, at);
        if (last_ == Next::busy) {
            claim(
                output_.empty() && intake_.waiting.size() == waiting, "a busy intake took nothing"
            );
            return;
        }
        if (!connected) {
            note_connect(frame);
        } else if (last_ != Next::end && frame.type() == PacketType::publish) {
            note_publish(frame, waiting);
        }
        const std::size_t pongs = pongs_;
        listen();
        const bool ping = connected && last_ != Next::end && frame.type() == PacketType::pingreq;
        claim(pongs_ == pongs + (ping ? 1 : 0), "each PINGREQ is answered at once");
        if (last_ == Next::log_in) log_in();
    }

    void note_connect(const Frame& frame) {
        Connect packet;
        // What is refused has been read as far as its version.
        static_cast<void>(decode_connect(frame, settings_.max_user_properties, packet));
        v5_ = packet.version == Version::v5;
        has_will_ = packet.has_will;
        claim(
            last_ == Next::log_in || last_ == Next::end,
            "the first packet logs in or ends the connection"
        );
    }

    void note_publish(const Frame& frame, std::size_t waiting) {
        Publish packet;
        const Reason reason =
            decode_publish(frame, session_.version(), settings_.max_user_properties, packet);
        claim(reason == Reason::success, "only a well-formed PUBLISH is taken");
        claim(packet.qos < 2, "QoS 2 is not taken");
        if (packet.qos == 0) {
            claim(intake_.waiting.size() == waiting, "QoS 0 wants no answer");
            return;
        }
        const bool taken = intake_.waiting.size() > waiting;
        owed_.push_back({packet.packet_id, taken, taken ? intake_.waiting.back().sequence : 0});
    }

    void log_in() {
        auto at = desk();
        if (session_.login().client_id.empty()) session_.assign("assigned");
        if (refuse_login_) {
            session_.refuse(Reason::not_authorized, "no", at);
            last_ = Next::end;
        } else {
            session_.accept(at);
            accepted_ = true;
        }
        listen();
        claim(connacks_ == 1, "a log-in is answered once");
    }

    /// What happens between two packets.
    void meanwhile() {
        if (last_ == Next::busy) {
            intake_.make_room(1 + script_.choice(4));
            return;
        }
        if (last_ == Next::full) claim(!session_.idle(), "only what is in flight fills");
        switch (script_.choice(8)) {
            case 1:
                intake_.durable_all();
                break;
            case 2:
                if (!intake_.waiting.empty()) {
                    const std::size_t place = script_.choice(intake_.waiting.size());
                    const Ticket ticket = intake_.waiting[place];
                    intake_.waiting.erase(
                        intake_.waiting.begin() + static_cast<std::ptrdiff_t>(place)
                    );
                    intake_.bring({ticket});
                }
                break;
            case 3:
                refuse(script_.choice(4));
                break;
            case 4:
                intake_.room_for = script_.choice(3);
                break;
            case 5:
                intake_.bring({Ticket{0, 1, script_.number()}});  // of nothing, or early
                break;
            case 6:
                if (last_ == Next::end || !session_.connected()) break;
                {
                    auto at = desk();
                    session_.say_goodbye(Reason::server_shutting_down, "bye", at);
                    listen();
                }
                break;
            default:
                break;
        }
        if (last_ == Next::full) {
            intake_.durable_all();
            claim(session_.has_room(settings_), "nothing in flight is room");
        }
    }

    void refuse(std::size_t how) {
        constexpr Refusal kRefusals[] = {
            Refusal::invalid_json, Refusal::unrouted, Refusal::too_large
        };
        if (how == 3) {
            intake_.decide = nullptr;
            return;
        }
        intake_.decide = [refusal = kRefusals[how]](const Message&) {
            return Reply{Reply::Kind::refused, refusal, "no good", "/a\xff"};
        };
    }

    /// Reads what the server sent.
    void listen() {
        const auto view = output_.view();
        const std::string bytes(reinterpret_cast<const char*>(view.data()), view.size());
        output_.clear();
        for (const std::string& packet : wire::read(bytes, v5_)) {
            claim(!packet.starts_with("broken"), "the server sends whole packets");
            claim(!packet.starts_with("unexpected"), "the server sends packets that servers send");
            claim(!said_goodbye_, "DISCONNECT is the last word");
            if (packet.starts_with("connack")) {
                ++connacks_;
            } else {
                claim(connacks_ == 1, "CONNACK comes first");
            }
            if (packet == "pingresp") ++pongs_;
            // say_goodbye() of this harness is no end: Connection ends what it says goodbye to.
            if (packet.starts_with("disconnect") && last_ == Next::end) said_goodbye_ = true;
            if (packet.starts_with("puback")) acknowledged(packet);
        }
    }

    void acknowledged(const std::string& packet) {
        claim(!owed_.empty(), "a PUBACK answers a PUBLISH");
        const Owed owed = owed_.front();
        owed_.pop_front();
        const std::string wanted = wire::puback(owed.id);
        claim(
            packet == wanted || packet.starts_with(wanted + ' '),
            "PUBACKs come in the order of arrival"
        );
        claim(!owed.waits, "no PUBACK before the record is durable");
    }

    void over() {
        intake_.durable_all();
        if (session_.connected())
            claim(owed_.empty() && session_.idle(), "everything is acknowledged");
        if (session_.failed()) claim(last_ == Next::end, "a failed session has ended");
        const auto will = session_.take_will();
        if (!accepted_ || !has_will_)
            claim(will == nullptr, "a will only of who was let in with one");
        if (accepted_ && has_will_ && session_.failed())
            claim(will != nullptr, "who fails leaves a will");
        if (session_.end_reason() == "client_disconnect")
            claim(will == nullptr, "who says goodbye leaves no will");
        claim(session_.take_will() == nullptr, "a will is left once");
    }

    fuzz::Input& script_;
    ingest::MqttListenerConfig settings_;
    bool refuse_login_;
    FakeIntake intake_;
    metrics::Registry registry_;
    ingest::ListenerCells cells_{registry_, "mqtt"};
    Bytes output_;
    Session session_;
    Next last_ = Next::go_on;
    std::deque<Owed> owed_;
    std::size_t pongs_ = 0;
    std::size_t connacks_ = 0;
    bool v5_ = false;
    bool has_will_ = false;
    bool accepted_ = false;
    bool said_goodbye_ = false;
};

}  // namespace
}  // namespace penstock::mqtt

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    penstock::fuzz::Input wire(data, size);
    penstock::fuzz::Input script = wire.script();
    penstock::mqtt::Talk talk(script);
    talk.hear(wire.text());
    return 0;
}

// One MQTT packet at a time: framing, every decoder in every version, topic names and filters.
#include "base/mqtt/decode.h"
#include "base/mqtt/topic.h"
#include "fuzz.h"
#include "inspect/router.h"

#include <algorithm>

namespace penstock::mqtt {
namespace {

using fuzz::Block;
using fuzz::claim;

constexpr std::uint32_t kMaxUser = 4;

void check_connect(const Frame& frame, const Block& block) {
    Connect packet;
    if (decode_connect(frame, kMaxUser, packet) != Reason::success) return;
    claim(block.holds(packet.client_id), "a client id points into the packet");
    claim(block.holds(packet.will_topic), "a will topic points into the packet");
    claim(block.holds(packet.will_payload), "a will payload points into the packet");
    claim(block.holds(packet.user), "a user name points into the packet");
    claim(block.holds(packet.password), "a password points into the packet");
    claim(packet.will_qos <= 2, "a will's QoS is 0 to 2");
    claim(packet.has_will || packet.will_topic.empty(), "no will, no will topic");
    claim(
        packet.version == Version::v5 || packet.properties.seen == 0, "only MQTT 5 has properties"
    );
    claim(
        packet.properties.user_properties + packet.will_properties.user_properties <= 2 * kMaxUser,
        "user properties are bounded"
    );
}

void check_publish(const Frame& frame, Version version, const Block& block) {
    Publish packet;
    if (decode_publish(frame, version, kMaxUser, packet) != Reason::success) return;
    claim(block.holds(packet.topic), "a topic points into the packet");
    claim(block.holds(packet.payload), "a payload points into the packet");
    claim(packet.qos <= 2, "QoS is 0 to 2");
    claim(
        (packet.qos == 0) == (packet.packet_id == 0), "QoS 1 and 2 have a packet id, QoS 0 has none"
    );
    claim(packet.topic_alias == 0 || version == Version::v5, "only MQTT 5 has aliases");
    claim(
        packet.payload.empty() || packet.payload.data() + packet.payload.size() ==
                                      block.text().data() + block.text().size(),
        "the payload is the rest of the packet"
    );
}

void check_server(const Frame& frame, Version version, const Block& block) {
    ConnackReply hello;
    if (decode_connack(frame, version, kMaxUser, hello) == Reason::success) {
        claim(block.holds(hello.properties.reason_string), "a reason points into the packet");
        claim(hello.properties.receive_maximum != 0, "a Receive Maximum is not 0");
        claim(hello.properties.user_properties <= kMaxUser, "user properties are bounded");
    }
    PubackReply ack;
    if (decode_puback(frame, version, kMaxUser, ack) == Reason::success) {
        claim(block.holds(ack.properties.reason_string), "a reason points into the packet");
        claim(ack.packet_id != 0, "a PUBACK has a packet id");
    }
    Disconnect last;
    if (decode_server_disconnect(frame, version, kMaxUser, last) == Reason::success) {
        claim(version == Version::v5, "only MQTT 5 has a server's DISCONNECT");
        claim(block.holds(last.properties.reason_string), "a reason points into the packet");
    }
}

void check_body(const Frame& frame, const Block& block) {
    claim(name(frame.type()) != "unknown", "each type of packet has a name");
    check_connect(frame, block);
    (void)decode_pingreq(frame);
    for (const Version version : {Version::v31, Version::v311, Version::v5}) {
        check_publish(frame, version, block);
        check_server(frame, version, block);
        Subscribe subscribe;
        if (decode_subscribe(frame, version, kMaxUser, subscribe) == Reason::success) {
            claim(subscribe.packet_id != 0, "a SUBSCRIBE has a packet id");
            claim(subscribe.filters > 0, "a SUBSCRIBE has a filter");
            claim(subscribe.filters <= frame.body.size() / 3, "filters are counted, not believed");
        }
        if (decode_unsubscribe(frame, version, kMaxUser, subscribe) == Reason::success)
            claim(subscribe.filters > 0, "an UNSUBSCRIBE has a filter");
        Disconnect disconnect;
        (void)decode_disconnect(frame, version, kMaxUser, disconnect);
        std::uint16_t id = 0;
        if (decode_pubrel(frame, version, kMaxUser, id) == Reason::success)
            claim(id != 0, "a PUBREL has a packet id");
    }
}

void check_topic(std::string_view text) {
    const Block block(text);
    const TopicFault fault = check_topic_name(block.text(), 512, 16);
    if (fault == TopicFault::none) {
        claim(!text.empty() && text.size() <= 512, "a topic name keeps its bound");
        claim(
            text.find_first_of(std::string_view("+#\0", 3)) == text.npos, "no wildcard, no U+0000"
        );
        claim(std::ranges::count(text, '/') < 16, "a topic name keeps its bound of levels");
        claim(
            valid_topic_filter(block.text()) || text.starts_with("$share"),
            "a topic is a filter too"
        );
    }
    if (text.size() <= 512 && inspect::check_topic_filter(block.text()).ok()) {
        claim(
            valid_topic_filter(block.text()) || text.starts_with("$share"),
            "filters of the settings are filters"
        );
        inspect::Router router;
        router.add(block.text(), 0);
        if (fault == TopicFault::none && text.front() != '$')
            claim(router.find(block.text()) == 0, "a topic without wildcards matches itself");
    }
}

}  // namespace
}  // namespace penstock::mqtt

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    mqtt::check_topic(text);
    const fuzz::Block wire(text);
    mqtt::Frame frame;
    std::size_t need = 0;
    switch (mqtt::next_frame(wire.bytes(), 4096, frame, need)) {
        case mqtt::Framing::whole: {
            fuzz::claim(
                frame.size <= size && frame.size <= 4096, "a frame is within its bytes and bound"
            );
            const fuzz::Block body(text.substr(frame.size - frame.body.size(), frame.body.size()));
            frame.body = body.bytes();
            mqtt::check_body(frame, body);
            break;
        }
        case mqtt::Framing::partial:
            fuzz::claim(
                need > size && need <= 4096, "a partial frame needs more, within the bound"
            );
            break;
        case mqtt::Framing::malformed:
        case mqtt::Framing::too_large:
            break;
    }
    return 0;
}

#include "base/mqtt/decode.h"
#include "base/mqtt/encode.h"
#include "ingest/mqtt/wire.h"

#include <catch2/catch.hpp>

#include <array>
#include <span>
#include <string>

using namespace penstock;
using namespace penstock::mqtt;

namespace {

std::string text_of(const Bytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.view().data()), bytes.size()};
}

Frame frame_of(const std::string& packet) {
    Frame frame;
    std::size_t need = 0;
    REQUIRE(
        next_frame(std::as_bytes(std::span(packet)), packet.size(), frame, need) == Framing::whole
    );
    return frame;
}

Reason connack(const std::string& body, Version version, ConnackReply& out) {
    const std::string packet = wire::packet(0x20, body);
    const Reason read = decode_connack(frame_of(packet), version, 2, out);
    out.properties.reason_string = {};  // points into `packet`
    return read;
}

Reason puback(const std::string& body, Version version, PubackReply& out) {
    const std::string packet = wire::packet(0x40, body);
    const Reason read = decode_puback(frame_of(packet), version, 2, out);
    out.properties.reason_string = {};
    return read;
}

}  // namespace

TEST_CASE("a CONNECT is what the specification says, byte by byte", "[mqtt][encode]") {
    Connect hello;
    hello.version = Version::v5;
    hello.clean_start = true;
    hello.keep_alive = 30;
    hello.client_id = "bridge";
    hello.properties.max_packet = 65'536;
    wire::Connect expected;
    expected.version = 5;
    expected.keep_alive = 30;
    expected.id = "bridge";
    expected.properties = wire::u8(0x27) + wire::u32(65'536);
    Bytes out;
    encode_connect(hello, out);
    CHECK(text_of(out) == wire::connect(expected));

    hello.version = Version::v311;
    hello.has_user = hello.has_password = true;
    hello.user = "u";
    hello.password = "p";
    expected.version = 4;
    expected.user = "u";
    expected.password = "p";
    out.clear();
    encode_connect(hello, out);
    CHECK(text_of(out) == wire::connect(expected));
}

TEST_CASE("a PUBLISH is what the specification says, byte by byte", "[mqtt][encode]") {
    for (const std::size_t size : {0U, 5U, 100U, 127U, 128U, 20'000U}) {
        const std::string payload(size, 'x');
        Publish publish;
        publish.qos = 1;
        publish.packet_id = 0x1234;
        publish.topic = "a/b";
        publish.payload = payload;
        const std::string value(size / 100, 'v');
        const std::array<UserProperty, 2> user{{{"k", value}, {"", "w"}}};
        Bytes out;
        encode_publish(publish, Version::v5, user, out);
        const std::string properties =
            wire::user_property("k", value) + wire::user_property("", "w");
        CHECK(text_of(out) == wire::publish_v5("a/b", payload, 1, 0x1234, properties));
        CHECK(publish_size(publish, Version::v5, user) == out.size());

        publish.retain = true;
        out.clear();
        encode_publish(publish, Version::v311, user, out);
        CHECK(text_of(out) == wire::publish("a/b", payload, 1, 0x1234, 1));
        CHECK(publish_size(publish, Version::v311, user) == out.size());

        publish.qos = 0;
        publish.retain = false;
        out.clear();
        encode_publish(publish, Version::v311, {}, out);
        CHECK(text_of(out) == wire::publish("a/b", payload));
    }
}

TEST_CASE("PINGREQ and DISCONNECT are two bytes", "[mqtt][encode]") {
    Bytes out;
    encode_pingreq(out);
    encode_normal_disconnect(out);
    CHECK(text_of(out) == wire::pingreq() + wire::disconnect());
}

TEST_CASE("a CONNACK says what the broker can", "[mqtt][decode]") {
    ConnackReply reply;
    const std::string all = wire::u8(0x21) + wire::u16(20) + wire::u8(0x24) + wire::u8(0) +
                            wire::u8(0x25) + wire::u8(0) + wire::u8(0x27) + wire::u32(9000) +
                            wire::u8(0x13) + wire::u16(7) + wire::u8(0x12) + wire::text("id") +
                            wire::u8(0x1C) + wire::text("elsewhere") +
                            wire::user_property("k", "v");
    REQUIRE(
        connack(wire::u8(1) + wire::u8(0) + wire::section(all), Version::v5, reply) ==
        Reason::success
    );
    CHECK(reply.session_present);
    CHECK(reply.reason == Reason::success);
    CHECK(reply.properties.receive_maximum == 20);
    CHECK(reply.properties.maximum_qos == 0);
    CHECK_FALSE(reply.properties.retain_available);
    CHECK(reply.properties.max_packet == 9000);
    CHECK(reply.properties.has(property::kServerKeepAlive));
    CHECK(reply.properties.server_keep_alive == 7);

    ConnackReply plain;
    REQUIRE(
        connack(wire::u8(0) + wire::u8(0x87) + wire::section(""), Version::v5, plain) ==
        Reason::success
    );
    CHECK(plain.reason == Reason::not_authorized);
    CHECK(plain.properties.receive_maximum == 65'535);
    CHECK(plain.properties.maximum_qos == 2);
    CHECK(plain.properties.retain_available);
}

TEST_CASE("return codes of MQTT 3 become reasons and back", "[mqtt][decode]") {
    for (const unsigned code : {0U, 1U, 2U, 3U, 4U, 5U}) {
        ConnackReply reply;
        REQUIRE(connack(wire::u8(0) + wire::u8(code), Version::v311, reply) == Reason::success);
        CHECK(return_code(reply.reason) == code);
    }
    ConnackReply odd;
    REQUIRE(connack(wire::u8(0) + wire::u8(99), Version::v311, odd) == Reason::success);
    CHECK(odd.reason == Reason::unspecified);
}

TEST_CASE("a PUBACK has a reason in MQTT 5 only", "[mqtt][decode]") {
    PubackReply reply;
    CHECK(puback(wire::u16(7), Version::v311, reply) == Reason::success);
    CHECK(reply.packet_id == 7);
    CHECK(reply.reason == Reason::success);
    CHECK(puback(wire::u16(8), Version::v5, reply) == Reason::success);
    CHECK(reply.reason == Reason::success);
    CHECK(puback(wire::u16(8) + wire::u8(0x97), Version::v5, reply) == Reason::success);
    CHECK(reply.reason == Reason::quota_exceeded);
    CHECK(puback(wire::u16(8) + wire::u8(0x97), Version::v311, reply) == Reason::malformed_packet);
    CHECK(puback(wire::u16(0), Version::v5, reply) == Reason::protocol_error);

    const std::string packet = wire::packet(
        0x40, wire::u16(8) + wire::u8(0x99) + wire::section(wire::u8(0x1F) + wire::text("why"))
    );
    REQUIRE(decode_puback(frame_of(packet), Version::v5, 2, reply) == Reason::success);
    CHECK(reply.properties.reason_string == "why");
}

TEST_CASE("what a broker must not send is found out", "[mqtt][decode]") {
    ConnackReply ack;
    CHECK(connack(wire::u8(2) + wire::u8(0), Version::v311, ack) == Reason::malformed_packet);
    const auto with = [&](const std::string& properties) {
        ConnackReply reply;
        return connack(wire::u8(0) + wire::u8(0) + wire::section(properties), Version::v5, reply);
    };
    CHECK(with(wire::u8(0x21) + wire::u16(0)) == Reason::protocol_error);
    CHECK(with(wire::u8(0x24) + wire::u8(2)) == Reason::protocol_error);
    CHECK(with(wire::u8(0x25) + wire::u8(2)) == Reason::protocol_error);
    CHECK(with(wire::alias(1)) == Reason::protocol_error);
    CHECK(with(wire::u8(0x27) + wire::u32(0)) == Reason::protocol_error);
    CHECK(with(wire::u8(0x7F)) == Reason::malformed_packet);
    const std::string many = wire::user_property("a", "b");
    CHECK(with(many + many + many) == Reason::quota_exceeded);

    Disconnect last;
    const std::string reference = wire::packet(
        0xE0, wire::u8(0x9C) + wire::section(wire::u8(0x1C) + wire::text("other:1883"))
    );
    CHECK(decode_server_disconnect(frame_of(reference), Version::v5, 2, last) == Reason::success);
    CHECK(last.reason == 0x9C);
    CHECK(decode_disconnect(frame_of(reference), Version::v5, 2, last) == Reason::protocol_error);
    const std::string bare = wire::disconnect();
    CHECK(
        decode_server_disconnect(frame_of(bare), Version::v311, 2, last) == Reason::malformed_packet
    );
    CHECK(decode_pingresp(frame_of(wire::packet(0xD0, ""))) == Reason::success);
    CHECK(decode_pingresp(frame_of(wire::packet(0xD0, "x"))) == Reason::malformed_packet);
}

TEST_CASE("a broker's packet that is cut short is malformed at every length", "[mqtt][decode]") {
    const std::string connack_body =
        wire::u8(0) + wire::u8(0) + wire::section(wire::u8(0x21) + wire::u16(20));
    for (std::size_t size = 0; size < connack_body.size(); ++size) {
        ConnackReply reply;
        CAPTURE(size);
        CHECK(connack(connack_body.substr(0, size), Version::v5, reply) != Reason::success);
    }
    const std::string puback_body =
        wire::u16(7) + wire::u8(0) + wire::section(wire::u8(0x1F) + wire::text("why"));
    for (std::size_t size = 0; size < puback_body.size(); ++size) {
        PubackReply reply;
        CAPTURE(size);
        const bool whole = size == 2 || size == 3;  // shorter forms that MQTT 5 allows
        CHECK(
            (puback(puback_body.substr(0, size), Version::v5, reply) == Reason::success) == whole
        );
    }
}

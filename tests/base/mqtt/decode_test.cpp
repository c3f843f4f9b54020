#include "base/mqtt/decode.h"

#include "base/mqtt/properties.h"
#include "base/mqtt/reader.h"
#include "ingest/mqtt/wire.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <memory>
#include <string>

using namespace penstock::mqtt;

namespace {

/// A heap block of exactly the packet's size: a read beyond it is seen by a sanitizer.
struct Exact {
    explicit Exact(std::string_view text)
        : size(text.size()), block(std::make_unique<std::byte[]>(text.size())) {
        std::memcpy(block.get(), text.data(), text.size());
    }
    [[nodiscard]] std::span<const std::byte> bytes() const { return {block.get(), size}; }
    std::size_t size;
    std::unique_ptr<std::byte[]> block;
};

Framing frame_of(std::string_view text, std::size_t max = 1 << 20) {
    const Exact exact(text);
    Frame frame;
    std::size_t need = 0;
    return next_frame(exact.bytes(), max, frame, need);
}

/// Decodes a packet's body with the decoder of its type.
Reason decode(const Frame& frame, Version version) {
    Connect connect;
    Publish publish;
    Subscribe subscribe;
    Disconnect disconnect;
    std::uint16_t id = 0;
    switch (frame.type()) {
        case PacketType::connect:
            return decode_connect(frame, 64, connect);
        case PacketType::publish:
            return decode_publish(frame, version, 64, publish);
        case PacketType::subscribe:
            return decode_subscribe(frame, version, 64, subscribe);
        case PacketType::unsubscribe:
            return decode_unsubscribe(frame, version, 64, subscribe);
        case PacketType::disconnect:
            return decode_disconnect(frame, version, 64, disconnect);
        case PacketType::pubrel:
            return decode_pubrel(frame, version, 64, id);
        default:
            return decode_pingreq(frame);
    }
}

Reason decode_whole(std::string_view text, Version version = Version::v5) {
    const Exact exact(text);
    Frame frame;
    std::size_t need = 0;
    REQUIRE(next_frame(exact.bytes(), 1 << 20, frame, need) == Framing::whole);
    return decode(frame, version);
}

}  // namespace

TEST_CASE("a fixed header is decided byte by byte", "[mqtt][decode]") {
    Frame frame;
    std::size_t need = 0;
    const std::string packet = wire::publish("a/b", std::string(300, 'x'), 1, 7);
    for (std::size_t size = 0; size < packet.size(); ++size) {
        const Exact exact(std::string_view(packet).substr(0, size));
        REQUIRE(next_frame(exact.bytes(), 1 << 20, frame, need) == Framing::partial);
        REQUIRE(need > size);
        REQUIRE(need <= packet.size());
    }
    const Exact exact(packet);
    REQUIRE(next_frame(exact.bytes(), 1 << 20, frame, need) == Framing::whole);
    CHECK(frame.size == packet.size());
    CHECK(frame.type() == PacketType::publish);
}

TEST_CASE(
    "a Remaining Length of five bytes or in a longer form than needed is malformed",
    "[mqtt][decode][M03][MQTT-1.5.5-1]"
) {
    using std::string_literals::operator""s;
    CHECK(frame_of("\x30\x80\x80\x80\x80\x01"s) == Framing::malformed);
    CHECK(frame_of("\x30\xff\xff\xff\xff"s) == Framing::malformed);
    CHECK(frame_of("\xc0\x80\x00"s) == Framing::malformed);
    CHECK(frame_of("\xc0\x80\x80\x00"s) == Framing::malformed);
    CHECK(frame_of("\xc0\x80\x80\x80\x00"s) == Framing::malformed);
    CHECK(frame_of("\x30\xff\xff\xff\x7f"s) == Framing::too_large);
    CHECK(frame_of("\x30\x80\x80\x80"s) == Framing::partial);
    CHECK(frame_of("\xc0\x00"s) == Framing::whole);
}

TEST_CASE(
    "variable byte integers inside a packet: all short forms pass, all long ones are malformed",
    "[mqtt][decode][M03]"
) {
    using std::string_literals::operator""s;
    const auto read = [](const std::string& text) {
        const Exact exact(text);
        Reader in(exact.bytes());
        const std::uint32_t value = in.varint();
        return in.ok() ? static_cast<long>(value) : -1L;
    };
    CHECK(read("\x00"s) == 0);
    CHECK(read("\x7f"s) == 127);
    CHECK(read("\x80\x01"s) == 128);
    CHECK(read("\xff\xff\xff\x7f"s) == 268'435'455);
    for (const std::string& bad :
         {"\x80\x00"s,
          "\x81\x80\x00"s,
          "\xff\xff\xff\xff\x01"s,
          "\x80\x80\x80\x80\x00"s,
          "\x80"s,
          ""s}) {
        CHECK(read(bad) == -1);
    }
    // A property identifier and a property length in a form too long.
    CHECK(
        decode_whole(wire::packet(0x30, wire::text("t") + "\x80\x00"s)) == Reason::malformed_packet
    );
    CHECK(
        decode_whole(wire::packet(0x30, wire::text("t") + "\x80\x80\x80\x80\x01"s)) ==
        Reason::malformed_packet
    );
    CHECK(
        decode_whole(wire::packet(0x30, wire::text("t") + wire::section("\xa3\x00\x00\x01"s))) ==
        Reason::malformed_packet
    );
}

TEST_CASE("a PUBLISH whose topic is longer than the packet is malformed", "[mqtt][decode][M01]") {
    using std::string_literals::operator""s;
    for (const std::string& body :
         {""s, "\0"s, "\0\1"s, "\0\2a"s, "\xff\xff"s, "\xff\xff"s + "abcd", "\0\5abcd"s}) {
        INFO(body.size());
        CHECK(decode_whole(wire::packet(0x30, body), Version::v311) == Reason::malformed_packet);
        CHECK(decode_whole(wire::packet(0x32, body), Version::v311) == Reason::malformed_packet);
        CHECK(decode_whole(wire::packet(0x30, body), Version::v5) == Reason::malformed_packet);
    }
}

TEST_CASE(
    "every packet cut at every byte is an error and is never read beyond", "[mqtt][decode][M02]"
) {
    wire::Connect will;
    will.version = 5;
    will.properties = wire::u8(0x11) + wire::u32(60) + wire::u8(0x21) + wire::u16(20) +
                      wire::user_property("k", "v");
    will.will_topic = "w";
    will.will_payload = "gone";
    will.will_properties = wire::u8(0x18) + wire::u32(5) + wire::u8(0x02) + wire::u32(9) +
                           wire::u8(0x09) + wire::text("c");
    will.user = "u";
    will.password = "p";
    const std::vector<std::string> packets = {
        wire::connect(will),
        wire::publish_v5("t/1", "", 1, 9, wire::alias(3) + wire::user_property("a", "b")),
        wire::packet(
            0x82,
            wire::u16(1) + wire::section(wire::u8(0x0B) + wire::varint(300)) + wire::text("a/#") +
                wire::u8(1)
        ),
        wire::unsubscribe(2, "a/+", true),
        wire::packet(
            0x62, wire::u16(4) + wire::u8(0) + wire::section(wire::u8(0x1F) + wire::text("why"))
        ),
        wire::packet(0xE0, wire::u8(4) + wire::section(wire::u8(0x11) + wire::u32(1))),
    };
    for (const std::string& packet : packets) {
        const std::size_t header = 2;
        REQUIRE(static_cast<unsigned char>(packet[1]) < 128);
        CHECK(decode_whole(packet) == Reason::success);
        for (std::size_t cut = header; cut < packet.size(); ++cut) {
            // The same packet, announced as short as it is.
            const std::string shorter = wire::packet(
                static_cast<unsigned char>(packet[0]), packet.substr(header, cut - header)
            );
            const Reason reason = decode_whole(shorter);
            const bool shorter_form =
                (packet[0] & '\xF0') == '\xE0'
                    ? cut <= header + 1
                    : (packet[0] & '\xF0') == '\x60' && (cut == header + 2 || cut == header + 3);
            // A payload may end anywhere, and acknowledgements may leave out their tail.
            if (static_cast<unsigned char>(packet[0]) >> 4 == 3 || shorter_form) continue;
            INFO("type " << (static_cast<unsigned char>(packet[0]) >> 4) << " cut at " << cut);
            CHECK(reason != Reason::success);
        }
    }
}

TEST_CASE(
    "a QoS 1 PUBLISH without room for its packet identifier is malformed, with 0 a protocol error",
    "[mqtt][decode][M02][MQTT-2.2.1-3]"
) {
    CHECK(
        decode_whole(wire::packet(0x32, wire::text("t")), Version::v311) == Reason::malformed_packet
    );
    CHECK(
        decode_whole(wire::packet(0x32, wire::text("t") + "\1"), Version::v311) ==
        Reason::malformed_packet
    );
    CHECK(decode_whole(wire::publish("t", "x", 1, 0), Version::v311) == Reason::protocol_error);
    CHECK(decode_whole(wire::publish("t", "x", 1, 1), Version::v311) == Reason::success);
}

TEST_CASE(
    "SUBSCRIBE without options, without filters or with reserved bits is refused",
    "[mqtt][decode][M02][MQTT-3.8.3-3][MQTT-3.8.3-5]"
) {
    CHECK(
        decode_whole(wire::packet(0x82, wire::u16(1) + wire::text("a")), Version::v311) ==
        Reason::malformed_packet
    );
    CHECK(decode_whole(wire::packet(0x82, wire::u16(1)), Version::v311) == Reason::protocol_error);
    CHECK(
        decode_whole(
            wire::packet(0x82, wire::u16(1) + wire::text("a") + wire::u8(3)), Version::v311
        ) == Reason::malformed_packet
    );
    CHECK(
        decode_whole(
            wire::packet(0x82, wire::u16(1) + wire::text("a") + wire::u8(4)), Version::v311
        ) == Reason::malformed_packet
    );
    CHECK(
        decode_whole(
            wire::packet(0x80, wire::u16(1) + wire::text("a") + wire::u8(0)), Version::v311
        ) == Reason::malformed_packet
    );
    CHECK(
        decode_whole(
            wire::packet(0x82, wire::u16(0) + wire::text("a") + wire::u8(0)), Version::v311
        ) == Reason::protocol_error
    );
    CHECK(
        decode_whole(
            wire::packet(0x82, wire::u16(1) + wire::text("a#") + wire::u8(0)), Version::v311
        ) == Reason::topic_filter_invalid
    );
}

TEST_CASE(
    "CONNECT flags that contradict each other are malformed",
    "[mqtt][decode][MQTT-3.1.2-3][MQTT-3.1.2-14][MQTT-3.1.2-22]"
) {
    const auto flags = [](unsigned value, Version version) {
        const std::string body = wire::text("MQTT") + wire::u8(static_cast<unsigned>(version)) +
                                 wire::u8(value) + wire::u16(0) +
                                 (version == Version::v5 ? wire::u8(0) : "") + wire::text("id") +
                                 wire::text("w") + wire::text("w") + wire::text("w");
        return decode_whole(wire::packet(0x10, body));
    };
    CHECK(flags(0x01, Version::v311) == Reason::malformed_packet);  // reserved
    CHECK(flags(0x1C, Version::v311) == Reason::malformed_packet);  // will of QoS 3
    CHECK(flags(0x08, Version::v311) == Reason::malformed_packet);  // QoS without a will
    CHECK(flags(0x20, Version::v5) == Reason::malformed_packet);    // retain without a will
    CHECK(flags(0x40, Version::v311) == Reason::malformed_packet);  // password without a user
    CHECK(decode_whole(wire::packet(0x11, wire::text("MQTT"))) == Reason::malformed_packet);
}

TEST_CASE("MQTT 5 takes a password without a user name", "[mqtt][decode]") {
    wire::Connect connect;
    connect.version = 5;
    connect.password = "token";
    CHECK(decode_whole(wire::connect(connect)) == Reason::success);
}

TEST_CASE(
    "properties stand only where they may, once, and in range", "[mqtt][properties][MQTT-2.2.2-1]"
) {
    const auto publish = [](const std::string& properties) {
        return decode_whole(wire::publish_v5("t", "x", 0, 0, properties));
    };
    CHECK(publish(wire::u8(0x01) + wire::u8(1)) == Reason::success);
    CHECK(publish(wire::u8(0x01) + wire::u8(2)) == Reason::protocol_error);
    CHECK(publish(wire::u8(0x11) + wire::u32(1)) == Reason::protocol_error);     // of CONNECT
    CHECK(publish(wire::u8(0x0B) + wire::varint(1)) == Reason::protocol_error);  // of SUBSCRIBE
    CHECK(publish(wire::u8(0x04) + wire::u8(1)) == Reason::malformed_packet);    // unknown
    CHECK(publish(wire::u8(0x3F)) == Reason::malformed_packet);
    CHECK(publish(wire::u8(0x7F)) == Reason::malformed_packet);
    CHECK(publish(wire::alias(1) + wire::alias(2)) == Reason::protocol_error);
    CHECK(publish(wire::alias(0)) == Reason::topic_alias_invalid);
    CHECK(
        publish(wire::user_property("a", "1") + wire::user_property("a", "1")) == Reason::success
    );
    CHECK(
        decode_whole(wire::connect_v5("d", wire::u8(0x21) + wire::u16(0))) == Reason::protocol_error
    );
    CHECK(
        decode_whole(wire::connect_v5("d", wire::u8(0x27) + wire::u32(0))) == Reason::protocol_error
    );
    CHECK(
        decode_whole(wire::connect_v5("d", wire::u8(0x16) + wire::text("x"))) ==
        Reason::protocol_error
    );
}

TEST_CASE("a property section that is longer than its packet is malformed", "[mqtt][properties]") {
    CHECK(
        decode_whole(wire::packet(0x30, wire::text("t") + wire::varint(200) + "abc")) ==
        Reason::malformed_packet
    );
    CHECK(
        decode_whole(wire::packet(0x30, wire::text("t") + wire::section(wire::u8(0x23) + "\1"))) ==
        Reason::malformed_packet
    );
}

TEST_CASE("sixty thousand user properties end at the bound", "[mqtt][properties][M10]") {
    std::string many;
    for (int i = 0; i < 40'000; ++i)
        many += wire::user_property("", "");
    const Exact exact(wire::publish_v5("t", "x", 0, 0, many));
    Frame frame;
    std::size_t need = 0;
    REQUIRE(next_frame(exact.bytes(), 1 << 20, frame, need) == Framing::whole);
    CHECK(decode(frame, Version::v5) == Reason::quota_exceeded);
    std::string some;
    for (int i = 0; i < 64; ++i)
        some += wire::user_property("", "");
    CHECK(decode_whole(wire::publish_v5("t", "x", 0, 0, some)) == Reason::success);
}

TEST_CASE(
    "strings with NUL, surrogates or overlong forms are malformed",
    "[mqtt][decode][M09][MQTT-1.5.4-1][MQTT-1.5.4-2]"
) {
    using std::string_literals::operator""s;
    for (const std::string& bad :
         {"a\0b"s, "\xed\xa0\x80"s, "\xc0\xaf"s, "\xf5\x80\x80\x80"s, "\xe2\x82"s}) {
        CHECK(decode_whole(wire::connect_v5(bad)) == Reason::malformed_packet);
        CHECK(
            decode_whole(wire::publish_v5("t", "x", 0, 0, wire::user_property(bad, "v"))) ==
            Reason::malformed_packet
        );
    }
}

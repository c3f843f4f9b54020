#include "ingest/mqtt/connection.h"

#include "node.h"

using namespace penstock;

TEST_CASE(
    "a record travels from a socket to the intake and its PUBACK back", "[mqtt][connection]"
) {
    Node node;
    Device device(node);
    device.connects().publishes("t/1", "{\"v\":1}", 1, 7).hears_nothing();
    node.until([&] { return node.taken() == 1; });
    CHECK(node.intake().taken[0].arrival == node.clock.wall());
    node.durable_all();
    device.hears(wire::puback(7));
    CHECK(node.metric("penstock_connections") == 1);
    CHECK(node.registry.value("penstock_received_packets_total", {{"type", "publish"}}) == 1);
}

TEST_CASE("acknowledgements of one turn leave in one segment", "[mqtt][connection]") {
    Node node;
    Device device(node);
    device.connects();
    std::string burst;
    std::vector<std::string> acks;
    for (unsigned id = 1; id <= 200; ++id) {
        burst += wire::publish("t", "{}", 1, id);
        acks.push_back(wire::puback(id));
    }
    device.sends(burst);
    node.until([&] { return node.taken() == 200; });
    node.durable_all();
    device.hears(acks);
}

TEST_CASE(
    "one-byte segments and a pipelined PUBLISH work",
    "[mqtt][connection][quirk15][quirk12][quirk33]"
) {
    Node node;
    Device device(node);
    const std::string all =
        wire::connect() + wire::publish("t/1", "{\"v\":1}", 1, 1) + wire::pingreq();
    for (const char byte : all) {
        device.sends({&byte, 1});
        node.step();
    }
    device.hears("connack 0", "pingresp");
    CHECK(node.intake().taken.at(0).payload == "{\"v\":1}");
}

TEST_CASE(
    "a device that closes its sending side still hears its acknowledgements",
    "[mqtt][connection][quirk15]"
) {
    Node node;
    Device device(node);
    device.sends(wire::connect() + wire::publish("t", "{}", 1, 1));
    device.half_closes();
    device.hears("connack 0").hears_nothing();
    CHECK_FALSE(device.ended());
    node.durable_all();
    device.is_closed({wire::puback(1)});
    node.until([&] { return node.connections() == 0; });
    CHECK(node.metric("penstock_disconnects_total", {{"reason", "peer_closed"}}) == 1);
}

TEST_CASE(
    "DISCONNECT right behind a PUBLISH does not lose its acknowledgement", "[mqtt][connection]"
) {
    Node node;
    Device device(node);
    device.sends(wire::connect() + wire::publish("t", "{}", 1, 1) + wire::disconnect())
        .hears("connack 0");
    node.until([&] { return node.taken() == 1; });
    node.durable_all();
    device.is_closed({wire::puback(1)});
}

TEST_CASE(
    "keep alive 0 keeps a silent device, any other closes it after one and a half",
    "[mqtt][connection][quirk15][MQTT-3.1.2-22]"
) {
    Node node;
    Device forever(node);
    forever.connects();
    wire::Connect connect;
    connect.id = "brief";
    connect.version = 5;
    connect.keep_alive = 20;
    Device brief(node);
    brief.connects(connect);
    node.pass(29 * kSecond);
    CHECK_FALSE(brief.ended());
    brief.sends(wire::pingreq()).hears("pingresp");
    node.pass(29 * kSecond);
    CHECK_FALSE(brief.ended());
    node.pass(2 * kSecond);
    brief.is_closed({"disconnect 0x8d"});
    CHECK_FALSE(forever.ended());
}

TEST_CASE(
    "who has not sent a whole CONNECT after ten seconds is closed", "[mqtt][connection][M05]"
) {
    Node node;
    std::vector<Device> devices;
    for (int i = 0; i < 100; ++i)
        devices.emplace_back(node);
    for (Device& device : devices)
        device.sends(wire::u8(0x10) + wire::varint(60'000) + "slow");
    node.pass(9 * kSecond);
    for (Device& device : devices)
        device.sends("x");
    CHECK(node.connections() == 100);
    node.pass(2 * kSecond);
    for (Device& device : devices)
        device.is_closed();
    CHECK(
        node.metric("penstock_refused_connections_total", {{"reason", "connect_timeout"}}) == 100
    );
}

TEST_CASE(
    "a CONNECT that declares 256 MiB is refused by its first bytes", "[mqtt][connection][M05]"
) {
    Node node;
    Device device(node);
    device.sends(wire::u8(0x10) + wire::varint(268'435'455));
    device.is_closed();
}

TEST_CASE(
    "connections move to the home shard of their client id, with what they sent already",
    "[mqtt][connection]"
) {
    Node node(4);
    std::vector<Device> devices;
    for (int i = 0; i < 32; ++i) {
        devices.emplace_back(node);
        const std::string id = "device-" + std::to_string(i);
        devices.back()
            .sends(wire::connect_as(id) + wire::publish("t", id, 1, 1))
            .hears("connack 0");
    }
    node.until([&] { return node.taken() == 32; });
    for (std::uint32_t shard = 0; shard < 4; ++shard) {
        CHECK_FALSE(node.intakes[shard]->taken.empty());
        for (const auto& taken : node.intakes[shard]->taken) {
            CHECK(home_shard(device_hash(taken.client_id), 4).value == shard);
            CHECK(taken.arrival == node.clock.wall());
        }
    }
    node.durable_all();
    for (Device& device : devices)
        device.hears(wire::puback(1));
    CHECK(node.metric("penstock_connections") == 32);
}

TEST_CASE(
    "a second connection takes the client id over, after the first one's acknowledgements",
    "[mqtt][connection][M14][MQTT-3.1.4-3]"
) {
    Node node(2);
    Device first(node);
    first.connects_as("same", 5).publishes("t", "1", 1, 1);
    node.until([&] { return node.taken() == 1; });
    Device second(node);
    second.connects_as("same", 5);
    first.hears_nothing();
    node.durable_all();
    first.is_closed({wire::puback(1), "disconnect 0x8e"});
    second.publishes("t", "2", 1, 1);
    node.until([&] { return node.taken() == 2; });
    node.durable_all();
    second.hears(wire::puback(1));
    node.until([&] { return node.connections() == 1; });
}

TEST_CASE("of many connections with one client id exactly one stays", "[mqtt][connection][M14]") {
    Node node(2);
    std::vector<Device> devices;
    for (int i = 0; i < 64; ++i) {
        devices.emplace_back(node);
        devices.back().sends(wire::connect_as("same"));
    }
    std::size_t open = 64;
    node.until([&] {
        open = 0;
        for (Device& device : devices)
            open += device.ended() ? 0U : 1U;
        return open == 1 && node.connections() == 1;
    });
    for (Device& device : devices) {
        if (!device.ended()) device.hears("connack 0").sends(wire::pingreq()).hears("pingresp");
    }
    CHECK(node.metric("penstock_connections") == 1);
}

TEST_CASE(
    "a will becomes a record when the device is lost, not when it says goodbye",
    "[mqtt][connection][MQTT-3.1.2-8]"
) {
    Node node;
    wire::Connect connect;
    connect.will_topic = "w/dev";
    connect.will_payload = "{\"online\":false}";
    {
        Device polite(node);
        polite.connects(connect).sends(wire::disconnect()).is_closed();
    }
    CHECK(node.taken() == 0);
    Device lost(node);
    lost.connects(connect);
    lost.resets();
    node.until([&] { return node.taken() == 1; });
    CHECK(node.intake().taken[0].source == Source::will);
    CHECK(node.intake().taken[0].payload == "{\"online\":false}");
    CHECK(node.intake().taken[0].client_id == "dev");
}

TEST_CASE("a will waits for room", "[mqtt][connection]") {
    Node node;
    wire::Connect connect;
    connect.will_topic = "w/dev";
    Device lost(node);
    lost.connects(connect);
    node.intake().room_for = 0;
    lost.resets();
    node.until([&] { return node.connections() == 0; });
    CHECK(node.taken() == 0);
    node.intake().make_room(10);
    node.until([&] { return node.taken() == 1; });
}

TEST_CASE(
    "a busy intake stops reading, and room lets everybody go on in turn", "[mqtt][connection]"
) {
    Node node;
    std::vector<Device> devices;
    for (int i = 0; i < 4; ++i) {
        devices.emplace_back(node);
        devices.back().connects_as("d" + std::to_string(i));
    }
    node.intake().room_for = 0;
    std::string ten;
    for (unsigned id = 1; id <= 10; ++id)
        ten += wire::publish("t", "x", 1, id);
    for (Device& device : devices)
        device.sends(ten);
    node.settle(std::chrono::milliseconds(50));
    CHECK(node.taken() == 0);
    for (int i = 0; i < 8; ++i) {
        node.intake().make_room(5);
        node.settle(std::chrono::milliseconds(10));
    }
    node.until([&] { return node.taken() == 40; });
    // Nobody waited for another to be done.
    std::vector<std::string> first_half;
    for (std::size_t i = 0; i < 20; ++i)
        first_half.push_back(node.intake().taken[i].client_id);
    for (const char* id : {"d0", "d1", "d2", "d3"}) {
        CHECK(std::count(first_half.begin(), first_half.end(), id) == 5);
    }
    node.durable_all();
    for (Device& device : devices) {
        node.until([&] { return wire::read(device.heard()).size() == 10; });
    }
}

TEST_CASE(
    "a device is answered on its PINGREQ while the intake is busy with others",
    "[mqtt][connection][quirk6]"
) {
    Node node;
    Device busy(node);
    busy.connects_as("busy");
    Device other(node);
    other.connects_as("other");
    node.intake().room_for = 0;
    busy.publishes("t", "x", 1, 1);
    other.sends(wire::pingreq()).hears("pingresp");
}

TEST_CASE(
    "too much in flight stops reading until half of it is durable", "[mqtt][connection][quirk25]"
) {
    ingest::MqttListenerConfig settings;
    settings.limits.in_flight = ByteCount{64 << 10};
    Node node(1, settings);
    Device device(node);
    device.connects();
    std::string burst;
    for (unsigned id = 1; id <= 200; ++id)
        burst += wire::publish("t", std::string(1000, 'x'), 1, id);
    device.sends(burst);
    node.settle(std::chrono::milliseconds(100));
    const std::size_t first = node.taken();
    CHECK(first < 80);
    while (node.taken() < 200) {
        node.durable_all();
        node.settle(std::chrono::milliseconds(10));
    }
    node.durable_all();
    node.until([&] { return wire::read(device.heard()).size() == 200; });
}

TEST_CASE(
    "a client that never reads stops being read at the output bound, and is closed in the end",
    "[mqtt][connection][M13]"
) {
    ingest::MqttListenerConfig settings;
    settings.limits.output = ByteCount{4096};
    Node node(1, settings);
    Device device(node);
    const int small = 4096;
    ::setsockopt(device.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    device.connects();
    std::string pings;
    for (int i = 0; i < 50'000; ++i)
        pings += wire::pingreq();
    std::size_t sent = 0;
    for (int quiet = 0; quiet < 200 && sent < 100'000'000;) {
        const ssize_t n = ::send(device.fd(), pings.data(), pings.size(), MSG_NOSIGNAL);
        quiet = n > 0 ? 0 : quiet + 1;
        if (n > 0) sent += static_cast<std::size_t>(n);
        node.step();
    }
    CHECK(sent < 100'000'000);
    node.pass(61 * kSecond);
    node.until([&] { return node.connections() == 0; });
    CHECK(node.metric("penstock_disconnects_total", {{"reason", "write_timeout"}}) == 1);
}

TEST_CASE("a packet larger than the read buffer is taken whole", "[mqtt][connection]") {
    Node node;
    Device device(node);
    const std::string big(200'000, 'x');
    device.connects().sends(
        wire::publish("t", "a", 1, 1) + wire::publish("t", big, 1, 2) +
        wire::publish("t", "b", 1, 3)
    );
    node.until([&] { return node.taken() == 3; });
    CHECK(node.intake().taken[1].payload == big);
    CHECK(node.intake().taken[2].payload == "b");
}

TEST_CASE(
    "the verdict of the authenticator decides, also when it comes later", "[mqtt][connection]"
) {
    Node node(2);
    node.authenticator.hold = true;
    wire::Connect connect;
    connect.user = "alice?SDK=x";
    connect.password = "secret";
    Device device(node);
    device.sends(wire::connect(connect) + wire::publish("t", "x", 1, 1)).hears_nothing();
    REQUIRE(node.authenticator.seen.size() == 1);
    CHECK(node.authenticator.seen[0].user == "alice");
    CHECK(node.authenticator.seen[0].password == "secret");
    CHECK(node.authenticator.seen[0].loopback);
    CHECK(node.taken() == 0);
    node.authenticator.pending[0]({auth::Decision::allowed, auth::Means::password, "alice"});
    device.hears("connack 0");
    node.until([&] { return node.taken() == 1; });

    Device gone(node);
    gone.sends(wire::connect_as("gone"));
    node.until([&] { return node.authenticator.pending.size() == 2; });
    gone.resets();
    node.until([&] { return node.connections() == 1; });
    node.authenticator.pending[1]({auth::Decision::allowed, {}, {}});
    node.settle(std::chrono::milliseconds(20));
}

TEST_CASE("refused log-ins are told so", "[mqtt][connection]") {
    Node node;
    wire::Connect with_password;
    with_password.version = 5;
    with_password.user = "u";
    with_password.password = "p";
    wire::Connect without;
    const auto try_both = [&](const std::string& five, const std::string& three) {
        Device a(node);
        a.v5 = true;
        a.sends(wire::connect(with_password)).is_closed({five});
        Device b(node);
        b.sends(wire::connect(without)).is_closed({three});
    };
    node.authenticator.verdict.decision = auth::Decision::denied;
    try_both("connack 0x86", "connack 5");
    node.authenticator.verdict.decision = auth::Decision::busy;
    try_both("connack 0x89 too many log-ins at the moment", "connack 3");
    node.authenticator.verdict.decision = auth::Decision::allowed;
    node.intake().is_closed = true;
    try_both("connack 0x89 takes no records at the moment", "connack 3");
}

TEST_CASE("connections over the bound of the listener are closed at once", "[mqtt][connection]") {
    ingest::MqttListenerConfig settings;
    settings.limits.connections = 2;
    Node node(1, settings);
    Device first(node);
    Device second(node);
    first.connects_as("1");
    second.connects_as("2");
    Device third(node);
    third.is_closed();
    CHECK(node.metric("penstock_refused_connections_total", {{"reason", "connections"}}) == 1);
    first.close();
    node.until([&] { return node.connections() == 1; });
    Device fourth(node);
    fourth.connects_as("4");
}

TEST_CASE("connections over the bound of an address are closed at once", "[mqtt][connection]") {
    ingest::MqttListenerConfig settings;
    settings.limits.connections_per_address = 1;
    Node node(1, settings);
    Device first(node);
    first.connects_as("1");
    Device second(node);
    second.is_closed();
    CHECK(
        node.metric(
            "penstock_refused_connections_total", {{"reason", "connections_per_address"}}
        ) == 1
    );
}

TEST_CASE(
    "a drain acknowledges what was taken, says goodbye and ends", "[mqtt][connection][quirk28]"
) {
    Node node(2);
    Device busy(node);
    busy.connects_as("busy", 5).publishes("t", "x", 1, 1);
    Device idle(node);
    idle.connects_as("idle", 5);
    Device old(node);
    old.connects_as("old", 4);
    Device fresh(node);
    node.until([&] { return node.taken() == 1 && node.connections() == 4; });
    int done = 0;
    for (const auto& shard : node.shards)
        shard->drain(5 * kSecond, [&] { ++done; });
    idle.is_closed({"disconnect 0x8b"});
    old.is_closed();
    fresh.is_closed();
    busy.hears_nothing();
    CHECK(done < 2);
    CHECK_FALSE(node.takes_connections());
    node.durable_all();
    busy.is_closed({wire::puback(1), "disconnect 0x8b"});
    for (Device* device : {&busy, &idle, &old, &fresh})
        device->close();
    node.until([&] { return done == 2; });
}

TEST_CASE("a drain ends within its bound although nothing becomes durable", "[mqtt][connection]") {
    Node node;
    Device device(node);
    device.connects().publishes("t", "x", 1, 1);
    node.until([&] { return node.taken() == 1; });
    bool done = false;
    node.shards[0]->drain(5 * kSecond, [&] { done = true; });
    node.pass(4 * kSecond);
    CHECK_FALSE(done);
    node.pass(2 * kSecond);
    CHECK(done);
    device.is_closed();
}

TEST_CASE("acknowledgements for a connection that is gone are ignored", "[mqtt][connection]") {
    Node node;
    {
        Device device(node);
        device.connects().publishes("t", "x", 1, 1);
        node.until([&] { return node.taken() == 1; });
        device.resets();
    }
    node.until([&] { return node.connections() == 0; });
    Device next(node);
    next.connects_as("next");
    node.durable_all();
    next.hears_nothing();
}

TEST_CASE("an address that somebody listens on is not shared", "[ingest][listener]") {
    Node node;
    FakeAuthenticator authenticator;
    metrics::Registry registry;
    const auto server = std::make_shared<mqtt::Server>(authenticator, 1);
    ingest::MqttListenerConfig settings;
    settings.listen = {"127.0.0.1", node.port()};
    std::vector<ingest::ListenerSpec> specs;
    specs.push_back(server->listener("second", settings));
    const auto opened = ingest::Listeners::open(std::move(specs), 1, node.clock, registry);
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().code == Errc::conflict);
    CHECK(opened.error().message.find("'second'") != std::string::npos);
}

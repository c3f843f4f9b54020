#include "ingest/mqtt/connection.h"
#include "node.h"

#include <algorithm>

using namespace penstock;

namespace {

constexpr ByteCount kMemory{256 << 10};

/// The beginning of a PUBLISH whose end does not come.
std::string beginning(std::size_t size) {
    return wire::publish("t", std::string(200 << 10, 'x'), 1, 1).substr(0, size);
}

double held(const Node& node) {
    return node.registry.value("penstock_connection_buffer_bytes");
}

}  // namespace

TEST_CASE("those that hold most memory are ended, the others go on", "[mqtt][overload]") {
    Node node(1, {}, kMemory);
    Device light(node);
    light.connects_as("light");
    const std::string small = wire::publish("t", std::string(20 << 10, 'x'), 1, 1);
    light.sends(small.substr(0, 1000));
    std::vector<Device> heavy;
    for (int i = 0; i < 3; ++i) {
        heavy.emplace_back(node);
        heavy.back().connects_as("heavy" + std::to_string(i), 5);
    }
    for (Device& device : heavy)
        device.sends(beginning(std::size_t{100} << 10));
    node.until([&] {
        return std::any_of(heavy.begin(), heavy.end(), [](Device& d) { return d.ended(); });
    });
    CHECK(held(node) <= static_cast<double>(kMemory.value));
    std::size_t ended = 0;
    for (Device& device : heavy) {
        if (!device.ended()) continue;
        ++ended;
        device.is_closed({"disconnect 0x97"});
    }
    CHECK(ended >= 1);
    CHECK(ended < 3);
    light.sends(small.substr(1000));
    node.until([&] { return node.taken() == 1; });
    node.durable_all();
    light.hears(wire::puback(1));
}

TEST_CASE(
    "nobody is let in while connections hold more than half of their memory", "[mqtt][overload]"
) {
    Node node(1, {}, kMemory);
    Device heavy(node);
    heavy.connects_as("heavy", 5).sends(beginning(std::size_t{140} << 10));
    node.until([&] { return held(node) > static_cast<double>(kMemory.value) / 2; });
    Device other(node);
    wire::Connect connect;
    connect.version = 5;
    connect.id = "other";
    other.v5 = true;
    other.sends(wire::connect(connect)).is_closed({"connack 0x89 takes no records at the moment"});
    heavy.close();
    node.until([&] { return held(node) == 0; });
    Device later(node);
    later.connects_as("later");
}

TEST_CASE(
    "what was taken is acknowledged to a client that is ended for its memory", "[mqtt][overload]"
) {
    Node node(1, {}, ByteCount{100 << 10});
    Device heavy(node);
    heavy.connects_as("heavy", 5).publishes("t", "x", 1, 7);
    node.until([&] { return node.taken() == 1; });
    heavy.sends(beginning(std::size_t{120} << 10));
    node.until([&] { return held(node) == 0; });
    heavy.hears_nothing();
    node.durable_all();
    heavy.is_closed({wire::puback(7), "disconnect 0x97"});
}

TEST_CASE(
    "little is read of anybody while there is no room, and nothing is lost", "[mqtt][overload]"
) {
    Node node;
    Device first(node);
    first.connects_as("first");
    std::vector<Device> devices;
    for (int i = 0; i < 20; ++i) {
        devices.emplace_back(node);
        devices.back().connects_as("d" + std::to_string(i));
    }
    node.intake().room_for = 0;
    first.publishes("t", "x", 1, 1);
    node.until([&] { return node.intake().submissions >= 1; });
    std::string burst;
    for (unsigned id = 1; id <= 100; ++id)
        burst += wire::publish("t", std::string(400, 'x'), 1, id);
    for (Device& device : devices)
        device.sends(burst);
    node.settle(std::chrono::milliseconds(50));
    CHECK(held(node) < 20 * 4096);
    node.intake().make_room(10'000);
    node.until([&] { return node.taken() == 2001; });
    node.until([&] { return held(node) == 0; });
}

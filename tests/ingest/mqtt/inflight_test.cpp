#include "ingest/mqtt/inflight.h"

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using penstock::mqtt::Inflight;
using penstock::mqtt::Reason;

namespace {

std::vector<int> released(Inflight& inflight) {
    std::vector<int> ids;
    Inflight::Release next;
    while (inflight.release(next))
        ids.push_back(next.packet_id);
    return ids;
}

std::uint32_t take(Inflight& inflight, std::uint16_t id) {
    const std::uint32_t sequence = inflight.next_sequence();
    inflight.take(id, 100, 0);
    return sequence;
}

}  // namespace

TEST_CASE("acknowledgements leave as a contiguous prefix", "[mqtt][inflight][MQTT-4.6.0-2]") {
    Inflight inflight;
    const auto a = take(inflight, 10);
    const auto b = take(inflight, 20);
    const auto c = take(inflight, 30);
    inflight.settle(c);
    CHECK(released(inflight).empty());
    inflight.settle(a);
    CHECK(released(inflight) == std::vector<int>{10});
    inflight.settle(b);
    CHECK(released(inflight) == std::vector<int>{20, 30});
    CHECK(inflight.empty());
    CHECK(inflight.bytes() == 0);
}

TEST_CASE("a refused message keeps its place and its text", "[mqtt][inflight]") {
    Inflight inflight;
    const auto a = take(inflight, 1);
    inflight.take_refused(2, 100, 0, Reason::payload_format_invalid, "no number");
    const auto c = take(inflight, 3);
    inflight.settle(c);
    CHECK(released(inflight).empty());
    inflight.settle(a);
    Inflight::Release next;
    REQUIRE(inflight.release(next));
    CHECK(next.kept);
    REQUIRE(inflight.release(next));
    CHECK(next.packet_id == 2);
    CHECK(next.reason == Reason::payload_format_invalid);
    CHECK(next.text == "no number");
    CHECK_FALSE(next.kept);
    REQUIRE(inflight.release(next));
    CHECK(next.text.empty());
}

TEST_CASE("sequences that are unknown or come twice change nothing", "[mqtt][inflight]") {
    Inflight inflight;
    inflight.settle(0);
    const auto a = take(inflight, 1);
    inflight.settle(a + 1);
    inflight.settle(0xffffffff);
    CHECK(released(inflight).empty());
    inflight.settle(a);
    inflight.settle(a);
    CHECK(released(inflight) == std::vector<int>{1});
    inflight.settle(a);
    CHECK(released(inflight).empty());
}

TEST_CASE("any order of durability gives the order of arrival", "[mqtt][inflight]") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Inflight inflight;
    std::vector<std::uint32_t> open;
    std::uint16_t next_id = 0;
    int expected = 0;
    for (int step = 0; step < 20'000; ++step) {
        if (random() % 2 == 0) {
            open.push_back(take(inflight, next_id++));
        } else if (!open.empty()) {
            const std::size_t at = random() % open.size();
            inflight.settle(open[at]);
            open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
        }
        for (const int id : released(inflight))
            REQUIRE(id == (expected++ & 0xffff));
    }
    for (const auto sequence : open)
        inflight.settle(sequence);
    for (const int id : released(inflight))
        REQUIRE(id == (expected++ & 0xffff));
    CHECK(inflight.empty());
}

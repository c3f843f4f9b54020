#include "base/bytes.h"
#include "ingest/mqtt/assigned_id.h"
#include "ingest/readiness.h"
#include "ingest/timer_wheel.h"
#include "penstock/intake.h"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

using namespace penstock;
using ingest::TimerWheel;
using std::string_literals::operator""s;

namespace {

std::string text_of(const Bytes& bytes) {
    const auto view = bytes.view();
    return {reinterpret_cast<const char*>(view.data()), view.size()};
}

void add(Bytes& bytes, std::string_view text) {
    bytes.append(std::as_bytes(std::span(text)));
}

}  // namespace

TEST_CASE("waiting bytes keep their order through growth and consumption", "[ingest][bytes]") {
    Bytes bytes;
    std::string expected;
    for (int i = 0; i < 2000; ++i) {
        const std::string piece(static_cast<std::size_t>(i % 37), static_cast<char>('a' + i % 26));
        add(bytes, piece);
        expected += piece;
        if (i % 3 == 0) {
            const std::size_t gone = expected.size() / 2;
            bytes.consume(gone);
            expected.erase(0, gone);
        }
        REQUIRE(text_of(bytes) == expected);
        // The padding may be read.
        char sum = 0;
        for (std::size_t k = 0; k < kPayloadPadding && bytes.capacity() != 0; ++k) {
            sum = static_cast<char>(sum ^ static_cast<char>(bytes.view().data()[bytes.size() + k]));
        }
        (void)sum;
    }
    bytes.consume(bytes.size());
    CHECK(bytes.capacity() == 0);
}

TEST_CASE("a deadline comes up once, at its tick or when the wheel passed it", "[ingest][timer]") {
    TimerWheel wheel;
    std::vector<std::uint32_t> fired;
    const auto advance = [&](std::uint32_t tick) {
        wheel.advance(tick, [&](TimerWheel::Entry entry, std::uint32_t) {
            fired.push_back(entry.slot);
        });
    };
    advance(10);
    CHECK(wheel.add({1, 1}, 12) == 12);
    CHECK(wheel.add({2, 1}, 5) == 11);  // past: the next tick
    CHECK(wheel.add({3, 1}, 100'000) == 10 + TimerWheel::kSlots - 1);
    advance(11);
    CHECK(fired == std::vector<std::uint32_t>{2});
    advance(11);
    advance(12);
    CHECK(fired == std::vector<std::uint32_t>{2, 1});
    advance(50'000);  // a clock that leaps
    CHECK(fired == std::vector<std::uint32_t>{2, 1, 3});
}

TEST_CASE(
    "one readiness is told once, however often a turn was asked for before", "[ingest][readiness]"
) {
    boost::asio::io_context io(1);
    int pipe[2];
    REQUIRE(::pipe(pipe) == 0);
    const ingest::Socket reads(pipe[0]);
    const ingest::Socket writes(pipe[1]);
    int turns = 0;
    std::unique_ptr<ingest::Readiness> readiness;
    readiness = std::make_unique<ingest::Readiness>(
        io,
        [&] {
            ++turns;
            std::array<epoll_event, 4> events{};
            char byte = 0;
            if (readiness->collect(events) == 1) CHECK(::read(reads.fd(), &byte, 1) == 1);
            readiness->arm();
        },
        [] {},
        kSecond
    );
    REQUIRE(readiness->add(reads.fd(), EPOLLIN, 7));
    readiness->arm();
    for (int i = 0; i < 10; ++i) {
        readiness->soon();
        io.poll();
    }
    CHECK(turns == 10);
    turns = 0;
    REQUIRE(::write(writes.fd(), "x", 1) == 1);
    io.poll();
    CHECK(turns == 1);
}

TEST_CASE(
    "assigned client ids differ and mostly have their home where they are made", "[mqtt][session]"
) {
    const std::string first = mqtt::assigned_client_id(ShardId{1}, 2);
    CHECK(first != mqtt::assigned_client_id(ShardId{1}, 2));
    CHECK(first.starts_with("penstock-"));
    CHECK(first.size() == 35);
    CHECK(home_shard(device_hash(first), 2).value == 1);
}

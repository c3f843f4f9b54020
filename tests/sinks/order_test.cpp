#include "sinks/order.h"

#include "base/posix_disk.h"
#include "journal/cursor_format.h"
#include "sinks/order_cursor.h"
#include "support/fake_disk.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

namespace penstock::sinks {
namespace {

Order example() {
    Order order;
    order.id = "20261122-00ff";
    order.kind = OrderKind::redrive;
    order.sink = "events";
    order.given_at = 9;
    order.from = "earliest";
    order.to = "17";
    order.device = "d1";
    order.where = "a > 1";
    order.entries = {"1-32", "2-64"};
    order.state = OrderState::running;
    order.message = "why";
    order.first = {3};
    order.last = {12};
    order.total = 10;
    order.delivered = 4;
    order.filtered = 3;
    order.refused = 2;
    order.gone = 1;
    return order;
}

TEST_CASE("order: what is written is read, and nothing else is", "[sinks][order]") {
    const auto bytes = encode_order(example());
    const auto back = decode_order(bytes);
    REQUIRE(back.ok());
    CHECK(encode_order(*back) == bytes);
    CHECK(back->sink == "events");
    CHECK(back->entries == example().entries);
    CHECK(back->settled() == 10);
    CHECK_FALSE(back->ended());
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        auto flipped = bytes;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        CHECK_FALSE(decode_order(flipped).ok());
    }
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(decode_order(std::span(bytes).first(size)).ok());
    auto newer = bytes;
    newer[4] = std::byte{2};
    CHECK(decode_order(newer).error().code == Errc::unsupported);
}

TEST_CASE(
    "order book: orders are listed, ended and removed; no id leaves the folder", "[sinks][order]"
) {
    const test::TempDir dir;
    OrderBook book(dir.path() / "orders", posix_disk());
    CHECK(book.list()->empty());  // no folder yet
    REQUIRE(book.open().ok());
    Order order = example();
    REQUIRE(book.write(order).ok());
    std::ofstream(book.directory() / "torn.order") << "PSOR";
    std::vector<std::string> problems;
    const auto orders = book.list(&problems);
    REQUIRE(orders.ok());
    REQUIRE(orders->size() == 1);
    CHECK(orders->front().id == order.id);
    CHECK(problems.size() == 1);

    CHECK_FALSE(book.cancelled(order.id));
    REQUIRE(book.cancel(order.id).ok());
    REQUIRE(book.cancel(order.id).ok());
    CHECK(book.cancelled(order.id));
    order.state = OrderState::done;
    REQUIRE(book.write(order).ok());
    CHECK(book.cancel(order.id).error().code == Errc::conflict);
    CHECK(book.cancel("../orders/x").error().code == Errc::not_found);
    CHECK(book.read("").error().code == Errc::not_found);
    REQUIRE(book.remove(order.id).ok());
    CHECK(book.read(order.id).error().code == Errc::not_found);
    CHECK_FALSE(book.cancelled(order.id));
    CHECK(new_order_id(1'767'323'045 * kSecond, 0xabcdef) == "20260102030405-cdef");
}

TEST_CASE("order cursor: begins at the range, goes on where it was saved", "[sinks][order]") {
    const test::TempDir dir;
    const auto path = dir.path() / "o.cursor";
    const auto reached = std::make_shared<std::atomic<std::uint64_t>>(0);
    const JournalId journal{{1}};
    const auto open = [&](const JournalId& whose) {
        return OrderCursor({path, whose, "events", Lsn{40}, posix_disk(), system_clock(), reached});
    };
    auto fresh = open(journal);
    CHECK(fresh.load().value() == Lsn{40});
    CHECK(fresh.balance() == Balance{Lsn{40}, {}});
    Confirmations heard(Lsn{40}, 0);
    heard.hear(Lsn{45}, 0);
    const Balance balance{Lsn{40}, {.confirmed = 3, .filtered = 2}};
    REQUIRE(fresh.save(heard.settled(0), balance).ok());
    CHECK(*reached == 45);

    *reached = 0;
    auto again = open(journal);
    CHECK(again.load().value() == Lsn{45});
    CHECK(again.balance() == balance);
    CHECK(*reached == 45);
    CHECK(open({{2}}).load().value() == Lsn{40});  // of another journal: begins anew
    std::filesystem::resize_file(path, 20);
    CHECK(open(journal).load().value() == Lsn{40});
}

}  // namespace
}  // namespace penstock::sinks

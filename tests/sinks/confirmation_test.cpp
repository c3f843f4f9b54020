#include "sinks/confirmation.h"

#include <catch2/catch.hpp>

#include <type_traits>

namespace penstock::sinks {
namespace {

TEST_CASE("confirmation: a safe point cannot be made from a number", "[sinks][S13]") {
    CHECK_FALSE(std::is_constructible_v<SafePoint, Lsn>);
    CHECK_FALSE(std::is_default_constructible_v<SafePoint>);
    CHECK_FALSE(std::is_convertible_v<Lsn, SafePoint>);
}

TEST_CASE("confirmation: without settling it holds at once", "[sinks]") {
    Confirmations heard(Lsn{10}, 0);
    CHECK(heard.settled(0).lsn() == Lsn{10});
    heard.hear(Lsn{20}, 5);
    CHECK(heard.settled(5).lsn() == Lsn{20});
    heard.hear(Lsn{15}, 6);
    CHECK(heard.confirmed() == Lsn{20});
}

TEST_CASE("confirmation: each report has to stand for the settle time", "[sinks]") {
    Confirmations heard(Lsn{0}, kSecond);
    heard.hear(Lsn{5}, 0);
    heard.hear(Lsn{9}, kSecond / 2);
    CHECK(heard.settled(kSecond - 1).lsn() == Lsn{0});
    CHECK(heard.settled(kSecond).lsn() == Lsn{5});
    CHECK(heard.settled(kSecond + kSecond / 2).lsn() == Lsn{9});
}

TEST_CASE(
    "confirmation: a steady stream of reports settles, never early, in bounded memory", "[sinks]"
) {
    Confirmations heard(Lsn{0}, kSecond);
    constexpr Nanoseconds kStep = kMillisecond;
    for (std::uint64_t i = 1; i <= 10'000; ++i) {
        const Nanoseconds now = static_cast<Nanoseconds>(i) * kStep;
        heard.hear(Lsn{i}, now);
        const std::uint64_t settled = heard.settled(now).lsn().value;
        REQUIRE(settled + 1000 <= std::max<std::uint64_t>(i, 1000));
        if (i > 2000) REQUIRE(settled + 1200 >= i);
    }
}

TEST_CASE("confirmation: lost contact takes back what had not settled", "[sinks]") {
    Confirmations heard(Lsn{0}, kSecond);
    heard.hear(Lsn{5}, 0);
    heard.hear(Lsn{9}, kSecond / 2);
    heard.forget_unsettled(kSecond);
    CHECK(heard.confirmed() == Lsn{5});
    CHECK(heard.settled(10 * kSecond).lsn() == Lsn{5});
    heard.hear(Lsn{9}, 10 * kSecond);
    CHECK(heard.settled(11 * kSecond).lsn() == Lsn{9});
}

TEST_CASE("confirmation: a settle time learned later holds for what has not settled", "[sinks]") {
    Confirmations heard(Lsn{0}, 15 * kSecond);
    heard.hear(Lsn{5}, 0);
    heard.settle_for(0);
    CHECK(heard.settled(1).lsn() == Lsn{5});
    heard.hear(Lsn{9}, 2);
    CHECK(heard.settled(2).lsn() == Lsn{9});
    heard.settle_for(kSecond);
    heard.hear(Lsn{12}, 3);
    CHECK(heard.settled(4).lsn() == Lsn{9});
    CHECK(heard.settled(3 + kSecond).lsn() == Lsn{12});
}

TEST_CASE("confirmation: a limit keeps the safe point below it", "[sinks]") {
    Confirmations heard(Lsn{0}, 0);
    heard.hear(Lsn{20}, 0);
    CHECK(heard.settled(0, Lsn{7}).lsn() == Lsn{6});
    CHECK(heard.settled(0, Lsn{21}).lsn() == Lsn{20});
    CHECK(heard.settled(0).lsn() == Lsn{20});
}

}  // namespace
}  // namespace penstock::sinks

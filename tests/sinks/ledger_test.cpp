#include "sinks/ledger.h"

#include "sinks/lag.h"

#include <catch2/catch.hpp>

#include <map>
#include <random>

namespace penstock::sinks {
namespace {

bool equal(const Tally& a, const Tally& b) {
    return a.confirmed == b.confirmed && a.refused == b.refused && a.filtered == b.filtered &&
           a.expired == b.expired && a.corrupt == b.corrupt && a.skipped == b.skipped;
}

void add(Tally& to, Fate fate, bool refused) {
    switch (fate) {
        case Fate::put:
            ++(refused ? to.refused : to.confirmed);
            return;
        case Fate::filtered:
            ++to.filtered;
            return;
        case Fate::expired:
            ++to.expired;
            return;
        case Fate::corrupt:
            ++to.corrupt;
            return;
        case Fate::skipped:
            ++to.skipped;
            return;
    }
}

TEST_CASE("ledger: every LSN is counted once, by its last fate", "[sinks][ledger]") {
    const auto seed = GENERATE(range(1U, 21U));
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Ledger ledger(Lsn{100});
    std::map<std::uint64_t, Fate> model;
    std::set<std::uint64_t> refused;
    std::uint64_t settled = 100;
    for (int i = 0; i < 3000; ++i) {
        const auto action = random() % 100;
        if (action < 80) {
            const std::uint64_t next = ledger.last().value + 1;
            const auto fate =
                action < 70 ? static_cast<Fate>(random() % 2) : static_cast<Fate>(random() % 5);
            const std::uint64_t count = fate > Fate::filtered ? 1 + random() % 50 : 1;
            ledger.note(Lsn{next + count - 1}, fate);
            for (std::uint64_t n = 0; n < count; ++n)
                model[next + n] = fate;
        } else if (action < 84 && !model.empty()) {
            const std::uint64_t lsn = settled + 1 + random() % model.size();
            if (model[lsn] != Fate::put) continue;
            ledger.refuse(Lsn{lsn});
            refused.insert(lsn);
        } else if (action < 88) {
            std::uint64_t safe = settled + random() % (model.size() + 1);
            if (!refused.empty()) safe = std::max(safe, *refused.rbegin());
            ledger.rewind(Lsn{safe});
            model.erase(model.upper_bound(safe), model.end());
        } else {
            const std::uint64_t to = settled + random() % (model.size() + 1);
            Tally wanted;
            for (std::uint64_t lsn = settled + 1; lsn <= to; ++lsn) {
                add(wanted, model[lsn], refused.erase(lsn) != 0);
                model.erase(lsn);
            }
            settled = to;
            REQUIRE(equal(ledger.settle(Lsn{to}), wanted));
        }
        REQUIRE(ledger.settled().value == settled);
        REQUIRE(ledger.last().value == settled + model.size());
    }
}

TEST_CASE(
    "ledger: memory follows changes of fate, 64 LSNs to a run where they alternate",
    "[sinks][ledger]"
) {
    Ledger same(Lsn{0});
    for (std::uint64_t i = 1; i <= 100'000; ++i)
        same.note(Lsn{i}, Fate::put);
    CHECK(same.runs() == 1);
    Ledger alternating(Lsn{0});
    for (std::uint64_t i = 1; i <= 64'000; ++i) {
        alternating.note(Lsn{i}, i % 2 == 0 ? Fate::put : Fate::filtered);
    }
    CHECK(alternating.runs() == 1000);
    const Tally tally = alternating.settle(Lsn{64'000});
    CHECK(tally.confirmed == 32'000);
    CHECK(tally.filtered == 32'000);
}

TEST_CASE("lag: the age of the oldest record that is not settled, never too small", "[sinks]") {
    LagMarks lag;
    CHECK(lag.age(Lsn{0}, 100 * kSecond) == 0);
    for (std::uint64_t i = 1; i <= 10'000; ++i)
        lag.see(Lsn{i * 10}, static_cast<Nanoseconds>(i) * kSecond);
    CHECK(lag.age(Lsn{0}, 10'000 * kSecond) == 9'999 * kSecond);
    const Nanoseconds age = lag.age(Lsn{50'000 - 1}, 10'000 * kSecond);
    CHECK(age >= 5'000 * kSecond);
    CHECK(age <= 5'100 * kSecond);
}

}  // namespace
}  // namespace penstock::sinks

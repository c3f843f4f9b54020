#include "whole_life.h"

#include <catch2/catch.hpp>

#include <functional>

/// Every call that a start, a commit, a roll, a seal, a cursor, an index, retention and a shutdown
/// make of the disk, times everything that can be wrong with it (T3).
namespace penstock::journal {
namespace {

using test::FakeDisk;
using test::WholeLife;
using Call = FakeDisk::Call;
using Fault = FakeDisk::Fault;
using Cut = FakeDisk::Cut;

constexpr int kRounds = 14;
constexpr Cut kCuts[] = {Cut::drop, Cut::keep, Cut::random, Cut::chaos};

/// What the process that meets the fault finds.
enum class Before : std::uint8_t { nothing, unclean, clean };

struct Case {
    Before before = Before::nothing;
    bool async = true;
    Call call = Call::open;
    Fault fault = Fault::error;
    Errc code = Errc::io;
};

void prepare(WholeLife& life, FakeDisk& disk, const Case& c, std::uint64_t seed) {
    disk.set_async(c.async);
    if (c.before == Before::nothing) return;
    REQUIRE(life.live(kRounds, c.before == Before::clean));
    if (c.before == Before::unclean) disk.cut(seed % 2 == 0 ? Cut::random : Cut::drop);
}

/// Calls of that kind in the process that is to meet the fault.
std::uint64_t count_calls(const Case& c) {
    FakeDisk disk(1);
    WholeLife life(disk);
    prepare(life, disk, c, 1);
    const std::uint64_t before = disk.calls(c.call);
    REQUIRE(life.live(kRounds, true));
    return disk.calls(c.call) - before;
}

/// Runs `then` for each k-th call that was struck.
void for_each_call(const Case& c, const std::function<void(WholeLife&, FakeDisk&)>& then) {
    const std::uint64_t calls = count_calls(c);
    for (std::uint64_t k = 1; k <= calls; ++k) {
        INFO(
            "before " << static_cast<int>(c.before) << " async " << c.async << " call "
                      << static_cast<int>(c.call) << " fault " << static_cast<int>(c.fault)
                      << " code " << static_cast<int>(c.code) << " k " << k
        );
        FakeDisk disk(k);
        WholeLife life(disk, k);
        prepare(life, disk, c, k);
        disk.fail(c.call, k, c.code, c.fault);
        life.live(kRounds, true);
        life.end();
        disk.heal();
        then(life, disk);
    }
}

/// The power goes after the fault; then two processes, of which the second finds a clean end.
void survives(WholeLife& life, FakeDisk& disk, Cut cut) {
    INFO("cut " << static_cast<int>(cut));
    CHECK(disk.syncs_after_failure() == 0);
    disk.cut(cut);
    REQUIRE(life.start_and_check() == "");
    life.end();
    REQUIRE(life.live(4, true));
    REQUIRE(life.start_and_check() == "");
    CHECK(life.bench.journal->recovery().clean);
    life.end();
}

void survives_reported(Before before, bool async) {
    struct Kind {
        Call call;
        std::vector<std::pair<Fault, Errc>> faults;
    };
    const std::vector<std::pair<Fault, Errc>> changing{
        {Fault::error, Errc::io}, {Fault::error, Errc::full}, {Fault::late, Errc::io}
    };
    const std::vector<std::pair<Fault, Errc>> reading{{Fault::error, Errc::io}};
    const std::vector<Kind> kinds{
        {Call::open, {{Fault::error, Errc::io}, {Fault::error, Errc::full}}},
        {Call::read, {{Fault::error, Errc::io}, {Fault::flip, Errc::io}}},
        {Call::write,
         {{Fault::error, Errc::io},
          {Fault::error, Errc::full},
          {Fault::torn, Errc::io},
          {Fault::late, Errc::io}}},
        {Call::completion, {{Fault::torn, Errc::io}, {Fault::torn, Errc::full}, {Fault::late, {}}}},
        {Call::sync, changing},
        {Call::resize, changing},
        {Call::rename, changing},
        {Call::remove, {{Fault::error, Errc::io}, {Fault::late, Errc::io}}},
        {Call::sync_directory, changing},
        {Call::make_directory, changing},
        {Call::list, reading},
        {Call::space, reading},
        {Call::lock, reading},
    };
    std::uint64_t turn = 0;
    for (const Kind& kind : kinds) {
        for (const auto& [fault, code] : kind.faults) {
            for_each_call({before, async, kind.call, fault, code}, [&](auto& life, auto& disk) {
                survives(life, disk, kCuts[turn++ % std::size(kCuts)]);
            });
        }
    }
}

TEST_CASE(
    "disk faults: a first start and what follows survive every failed call, and power after it",
    "[journal][crash][T3]"
) {
    survives_reported(Before::nothing, true);
}

TEST_CASE(
    "disk faults: a start after a power cut and what follows survive every failed call, and power "
    "after it",
    "[journal][crash][T3]"
) {
    survives_reported(Before::unclean, true);
}

TEST_CASE(
    "disk faults: without direct writes, every failed call is survived, and power after it",
    "[journal][crash][T3]"
) {
    survives_reported(Before::unclean, false);
}

TEST_CASE(
    "disk faults: a write that lost a bit, went elsewhere or never arrived is reported, or costs "
    "nothing",
    "[journal][crash][T3]"
) {
    for (const auto before : {Before::nothing, Before::unclean}) {
        for (const auto& [call, async] :
             {std::pair{Call::completion, true}, std::pair{Call::write, false}}) {
            for (const auto fault : {Fault::flip, Fault::misdirect, Fault::lost}) {
                for_each_call({before, async, call, fault, Errc::io}, [](auto& life, auto& disk) {
                    disk.cut(Cut::keep);
                    REQUIRE(life.start_and_check_damage() == "");
                    life.end();
                });
            }
        }
    }
}

enum class Rot : std::uint8_t { bit, zeros, other_sector };

/// The file with one sector gone bad; nothing if that changes nothing.
std::optional<std::vector<std::byte>> rotten(
    const std::vector<std::byte>& bytes, std::size_t at, Rot rot
) {
    constexpr std::size_t kSector = 512;
    auto bad = bytes;
    const auto sector =
        std::span(bad).subspan(at, std::min<std::size_t>(kSector, bytes.size() - at));
    if (rot == Rot::bit) sector[at / kSector * 37 % sector.size()] ^= std::byte{1};
    if (rot == Rot::zeros) std::ranges::fill(sector, std::byte{0});
    if (rot == Rot::other_sector) {
        const std::size_t from = (at + 8 * kSector) % bytes.size() / kSector * kSector;
        const auto size = std::min(sector.size(), bytes.size() - from);
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(from), size, sector.begin());
    }
    if (bad == bytes) return {};
    return bad;
}

TEST_CASE(
    "disk faults: whichever sector goes bad at rest, what was acknowledged is there or said to be "
    "lost",
    "[journal][crash][T3][D13][D18]"
) {
    for (const bool close : {true, false}) {
        FakeDisk disk(1);
        WholeLife life(disk);
        REQUIRE(life.live(kRounds, close));
        life.end();
        disk.cut(Cut::keep);
        const FakeDisk::Image image = disk.image();
        for (const auto& [path, bytes] : image) {
            for (std::size_t at = 0; at < bytes.size(); at += 512) {
                for (const auto rot : {Rot::bit, Rot::zeros, Rot::other_sector}) {
                    const auto bad = rotten(bytes, at, rot);
                    if (!bad) continue;
                    INFO(path << " at " << at << " rot " << static_cast<int>(rot));
                    disk.put(path, *bad);
                    REQUIRE(life.start_and_check_damage() == "");
                    life.end();
                    disk.restore(image);
                }
            }
        }
    }
}

}  // namespace
}  // namespace penstock::journal

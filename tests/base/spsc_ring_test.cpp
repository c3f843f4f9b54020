#include "base/spsc_ring.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <memory>
#include <thread>

namespace penstock {
namespace {

// Rings stand on the heap, as everywhere: g++ 12's AddressSanitizer aligns stacks to less than a
// cache line.

TEST_CASE("spsc ring: holds its capacity and refuses the next", "[base][ring]") {
    const auto made = std::make_unique<SpscRing<int>>(3);
    auto& ring = *made;
    CHECK(ring.capacity() == 4);
    for (int i = 0; i < 4; ++i)
        CHECK(ring.try_push(i));
    CHECK_FALSE(ring.try_push(4));
    CHECK(ring.room() == 0);
    int out = -1;
    CHECK(ring.try_pop(out));
    CHECK(out == 0);
    CHECK(ring.room() == 1);
    CHECK(ring.try_push(4));
    for (int expected = 1; expected <= 4; ++expected) {
        CHECK(ring.try_pop(out));
        CHECK(out == expected);
    }
    CHECK_FALSE(ring.try_pop(out));
}

TEST_CASE("spsc ring: keeps the value when full and lets go of it when popped", "[base][ring]") {
    const auto made = std::make_unique<SpscRing<std::shared_ptr<int>>>(2);
    auto& ring = *made;
    auto value = std::make_shared<int>(7);
    CHECK(ring.try_push(value));
    CHECK(ring.try_push(value));
    auto kept = value;
    CHECK_FALSE(ring.try_push(std::move(kept)));
    CHECK(kept != nullptr);
    kept.reset();
    std::shared_ptr<int> out;
    CHECK(ring.try_pop(out));
    CHECK(ring.try_pop(out));
    out.reset();
    CHECK(value.use_count() == 1);
}

TEST_CASE("spsc ring: two threads never lose, repeat or reorder", "[base][ring][threads]") {
    constexpr std::uint64_t kCount = 200'000;
    const auto made = std::make_unique<SpscRing<std::uint64_t>>(64);
    auto& ring = *made;
    std::jthread producer([&] {
        for (std::uint64_t i = 1; i <= kCount; ++i) {
            while (!ring.try_push(i))
                std::this_thread::yield();
        }
    });
    std::uint64_t expected = 1;
    std::uint64_t out = 0;
    while (expected <= kCount) {
        if (!ring.try_pop(out)) {
            std::this_thread::yield();
            continue;
        }
        if (out != expected) break;
        ++expected;
    }
    CHECK(expected == kCount + 1);
}

}  // namespace
}  // namespace penstock

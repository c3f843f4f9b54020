#include "penstock/batch.h"

#include "base/crc32c.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <cstring>

namespace penstock {
namespace {

TEST_CASE(
    "batch: the buffer is aligned and whole blocks, records start behind the header room",
    "[base][batch]"
) {
    Batch batch(5'000);
    CHECK(batch.capacity() == 8'192);
    CHECK(reinterpret_cast<std::uintptr_t>(batch.frame().data()) % Batch::kAlignment == 0);
    CHECK(batch.records().empty());
    const auto room = batch.reserve(16);
    REQUIRE(room.size() == 16);
    CHECK(room.data() == batch.frame().data() + Batch::kHeaderRoom);
}

TEST_CASE("batch: takes records until the next one does not fit", "[base][batch]") {
    Batch batch(4'096);
    std::size_t records = 0;
    while (!batch.reserve(496).empty()) {
        std::memset(batch.reserve(496).data(), 7, 496);
        batch.commit(496);
        ++records;
    }
    CHECK(records == 8);
    CHECK(batch.count() == 8);
    CHECK(batch.records().size() == 8 * 496);
    batch.seal();
    CHECK(batch.checksum() == crc32c(batch.records()));
    batch.clear();
    CHECK(batch.empty());
    CHECK(batch.reserve(4'096 - Batch::kHeaderRoom).size() == 4'096 - Batch::kHeaderRoom);
}

}  // namespace
}  // namespace penstock

#include "sinks/range_reader.h"

#include "sinks/chunk_walk.h"
#include "support/fake_log.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace penstock::sinks {
namespace {

/// `1 2 3 [4-6] 7`: what a reader gives from `from` on.
std::string read_all(LogReader& reader, Lsn from) {
    reader.seek(from);
    std::string text;
    while (true) {
        const auto got = reader.read(0, {});
        REQUIRE(got.ok());
        if (got->gap.cause != Gap::Cause::none)
            text += '[' + std::to_string(got->gap.from.value) + '-' +
                    std::to_string(got->gap.to.value) + "] ";
        if (!got->chunk && got->gap.cause == Gap::Cause::none) return text;
        if (!got->chunk) continue;
        ChunkWalk walk(got->chunk);
        std::size_t bytes = 0;
        while (!walk.done()) {
            const auto record = walk.peek();
            REQUIRE(record);
            if (walk.lsn() >= from) text += std::to_string(walk.lsn().value) + ' ';
            bytes += record->bytes().size();
            walk.pass(*record);
        }
        CHECK(bytes == got->chunk->records().size());
    }
}

TEST_CASE("range reader: ends at its last record, whatever the frames are", "[sinks][range]") {
    test::FakeLog log;
    log.append(std::vector<test::RecordSpec>(3));
    log.gap(3, Gap::Cause::skipped);
    log.append(std::vector<test::RecordSpec>(4));
    const std::vector<std::string> upto{
        "",
        "1 ",
        "1 2 ",
        "1 2 3 ",
        "1 2 3 [4-4] ",
        "1 2 3 [4-5] ",
        "1 2 3 [4-6] ",
        "1 2 3 [4-6] 7 ",
        "1 2 3 [4-6] 7 8 ",
        "1 2 3 [4-6] 7 8 9 ",
        "1 2 3 [4-6] 7 8 9 10 "
    };
    for (std::uint64_t last = 1; last < upto.size(); ++last) {
        RangeReader reader(log.reader(), Lsn{last});
        CHECK(reader.durable() == Lsn{last});
        CHECK(read_all(reader, Lsn{1}) == upto[last]);
        if (last >= 9) CHECK(read_all(reader, Lsn{9}) == (last == 9 ? "9 " : "9 10 "));
    }
    RangeReader ahead(log.reader(), Lsn{99});
    CHECK(ahead.durable() == Lsn{10});
}

}  // namespace
}  // namespace penstock::sinks

#include "journal/quarantine_store.h"

#include "base/posix_disk.h"
#include "journal/segment_files.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <thread>

namespace penstock::journal {
namespace {

using test::must;

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

struct Fixture {
    [[nodiscard]] std::unique_ptr<QuarantineStore> open(ByteCount max_size = 1_MiB) {
        return must(QuarantineStore::open(
            directory / "quarantine",
            journal,
            QuarantineConfig{max_size},
            posix_disk(),
            system_clock()
        ));
    }
    static Status append(QuarantineStore& store, std::string_view sink, std::uint64_t lsn) {
        const auto record = bytes_of("record " + std::to_string(lsn));
        const RefusedCopy copy{{lsn}, "400: no such field", record};
        return store.append(sink, std::span(&copy, 1));
    }
    /// Settles these records of the sink. Errors: not_found (one is not listed).
    static Status settle(
        QuarantineStore& store,
        std::string_view sink,
        const std::vector<std::uint64_t>& lsns,
        QuarantineFate fate,
        Lsn base = {}
    ) {
        std::vector<QuarantineSettling::Entry> entries;
        QuarantineQuery query;
        query.sink = sink;
        for (const auto& listed : must(store.list(query)).entries) {
            const auto lsn = listed.entry.lsn;
            if (std::ranges::count(lsns, lsn.value) > 0)
                entries.push_back({lsn, listed.spot, listed.after});
        }
        if (entries.size() != lsns.size()) return Error{Errc::not_found, "not listed"};
        return store.settle({sink, fate, base, entries});
    }
    static std::string lsns(const QuarantinePage& page) {
        std::string text;
        for (const auto& listed : page.entries)
            text += listed.entry.sink + std::to_string(listed.entry.lsn.value) + ' ';
        return text;
    }

    test::TempDir directory;
    JournalId journal;
};

TEST_CASE("quarantine: what is appended is listed, also after a restart", "[journal]") {
    Fixture f;
    {
        const auto store = f.open();
        must(Fixture::append(*store, "a", 5));
        must(Fixture::append(*store, "b", 7));
    }
    const auto store = f.open();
    must(Fixture::append(*store, "a", 9));
    const auto page = must(store->list({}));
    CHECK(Fixture::lsns(page) == "a5 b7 a9 ");
    CHECK_FALSE(page.next.has_value());
    CHECK(page.entries[0].entry.record == bytes_of("record 5"));
    CHECK(page.entries[0].entry.reason == "400: no such field");
    CHECK(page.entries[0].journal == f.journal);
}

TEST_CASE("quarantine: pages neither lose nor repeat entries", "[journal]") {
    Fixture f;
    for (std::uint64_t run = 0; run < 3; ++run) {
        const auto store = f.open();
        for (std::uint64_t i = 0; i < 5; ++i)
            must(Fixture::append(*store, i % 2 == 0 ? "a" : "b", run * 5 + i));
    }
    const auto store = f.open();
    for (const auto* sink : {"", "a", "b"}) {
        std::string seen;
        QuarantineQuery query;
        query.sink = sink;
        query.limit = 2;
        std::optional<QuarantineSpot> after = QuarantineSpot{};
        while (after) {
            query.after = *after;
            const auto page = must(store->list(query));
            seen += Fixture::lsns(page);
            after = page.next;
        }
        query.after = {};
        query.limit = 1000;
        CHECK(seen == Fixture::lsns(must(store->list(query))));
    }
}

TEST_CASE("quarantine: a record refused again after a crash is kept once", "[journal]") {
    Fixture f;
    must(Fixture::append(*f.open(), "a", 5));
    const auto store = f.open();
    must(Fixture::append(*store, "a", 5));
    must(Fixture::append(*store, "b", 5));
    CHECK(Fixture::lsns(must(store->list({}))) == "a5 b5 ");
}

TEST_CASE("quarantine: at the bound nothing is taken and nothing dropped", "[journal]") {
    Fixture f;
    const auto store = f.open({600});
    std::uint64_t taken = 0;
    Status status;
    while ((status = Fixture::append(*store, "a", taken)).ok())
        ++taken;
    CHECK(status.error().code == Errc::full);
    CHECK(taken > 0);
    CHECK(store->bytes() <= 600);
    CHECK(must(store->list({})).entries.size() == taken);
}

TEST_CASE("quarantine: what is settled is not listed, also after a restart", "[journal]") {
    Fixture f;
    {
        const auto store = f.open();
        for (std::uint64_t lsn = 1; lsn <= 6; ++lsn)
            must(Fixture::append(*store, lsn % 3 == 0 ? "b" : "a", lsn));
        must(Fixture::settle(*store, "a", {1, 4}, QuarantineFate::redriven));
        CHECK(Fixture::lsns(must(store->list({}))) == "a2 b3 a5 b6 ");
        must(Fixture::settle(*store, "a", {5}, QuarantineFate::dropped));
        CHECK_FALSE(Fixture::settle(*store, "b", {5}, QuarantineFate::dropped).ok());
    }
    const auto store = f.open();
    CHECK(Fixture::lsns(must(store->list({}))) == "a2 b3 b6 ");
    CHECK(store->counts("a", {0}) == QuarantineCounts{{0}, 2, 1});
    CHECK(store->counts("a", {4}) == QuarantineCounts{{4}, 0, 0});  // a balance that began anew
    CHECK(store->counts("b", {0}) == QuarantineCounts{});
}

TEST_CASE("quarantine: entries of before the balance began are not counted in it", "[journal]") {
    Fixture f;
    const auto store = f.open();
    for (std::uint64_t lsn = 1; lsn <= 4; ++lsn)
        must(Fixture::append(*store, "a", lsn));
    must(Fixture::settle(*store, "a", {1, 3, 4}, QuarantineFate::redriven, {2}));
    CHECK(store->counts("a", {2}) == QuarantineCounts{{2}, 2, 0});
}

TEST_CASE("quarantine: a record that is refused again after it was settled is kept", "[journal]") {
    Fixture f;
    const auto again = [&f](QuarantineStore& store) {
        must(Fixture::settle(store, "a", {5}, QuarantineFate::redriven));
        must(Fixture::append(store, "a", 5));
        return Fixture::lsns(must(store.list({})));
    };
    const auto store = f.open();
    must(Fixture::append(*store, "a", 5));
    CHECK(again(*store) == "a5 ");
    must(Fixture::settle(*store, "a", {5}, QuarantineFate::redriven));
    const auto later = f.open();  // nor does a start remember what is settled
    must(Fixture::append(*later, "a", 5));
    CHECK(Fixture::lsns(must(later->list({}))) == "a5 ");
}

TEST_CASE(
    "quarantine: a file goes when all of it is settled, its number never returns", "[journal]"
) {
    Fixture f;
    must(Fixture::append(*f.open(), "a", 1));
    {
        const auto store = f.open();
        must(Fixture::append(*store, "a", 2));
        must(Fixture::append(*store, "b", 2));
        must(Fixture::settle(*store, "a", {1, 2}, QuarantineFate::dropped));
        const auto before = store->bytes();
        must(store->sweep());
        CHECK(store->bytes() < before);
        CHECK(Fixture::lsns(must(store->list({}))) == "b2 ");
        must(Fixture::settle(*store, "b", {2}, QuarantineFate::dropped));
        must(store->sweep());
        CHECK(store->bytes() == 0);
        must(Fixture::append(*store, "a", 3));
        CHECK(Fixture::lsns(must(store->list({}))) == "a3 ");
        must(Fixture::settle(*store, "a", {3}, QuarantineFate::dropped));
        must(store->sweep());
    }
    const auto store = f.open();  // no file is left to tell the number
    must(Fixture::append(*store, "a", 4));
    CHECK(Fixture::lsns(must(store->list({}))) == "a4 ");
}

TEST_CASE("quarantine marks: any order of settling ends in one range", "[journal]") {
    std::vector<std::uint64_t> order{1, 2, 3, 4, 5};
    do {
        QuarantineMarks marks;
        for (const auto i : order)
            must(marks.settle({1, 10 * i}, {1, 10 * i + 10}));
        for (std::uint64_t at = 0; at <= 80; ++at)
            CHECK(marks.settled({1, at}) == (at > 10 && at <= 60));
        CHECK(marks.encode({}).size() == 20 + 4 + 24 + 4 + 32 + 4);
    } while (std::ranges::next_permutation(order).found);
}

TEST_CASE("quarantine marks: version 1 is written and read as it always was", "[journal][golden]") {
    QuarantineMarks marks;
    must(marks.settle({1, 32}, {2, 80}));
    marks.counts = {{7}, 8, 9};
    const JournalId journal{{1, 2, 3}};
    const auto bytes = marks.encode(journal);
    CHECK(
        test::hex(bytes) ==
        "5053514d01000000010203000000000000000000000000000700000000000000080000000000000009000000"
        "00000000010000000100000000000000200000000000000002000000000000005000000000000000ce9b6e92"
    );
    const auto back = must(QuarantineMarks::decode(bytes, journal));
    CHECK(back.counts == marks.counts);
    CHECK(back.settled({2, 80}));
    CHECK_FALSE(back.settled({2, 88}));
    CHECK(QuarantineMarks::decode(bytes, {}).error().code == Errc::conflict);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        auto flipped = bytes;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        CHECK_FALSE(QuarantineMarks::decode(flipped, journal).ok());
    }
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(QuarantineMarks::decode(std::span(bytes).first(size), journal).ok());
}

TEST_CASE("quarantine: marks that are damaged settle nothing", "[journal]") {
    Fixture f;
    {
        const auto store = f.open();
        must(Fixture::append(*store, "a", 1));
        must(Fixture::settle(*store, "a", {1}, QuarantineFate::redriven));
    }
    std::filesystem::resize_file(f.directory / "quarantine" / "a.marks", 20);
    CHECK(Fixture::lsns(must(f.open()->list({}))) == "a1 ");
}

TEST_CASE("quarantine: damage costs the entry it hits and no other", "[journal][D13]") {
    std::vector<std::byte> file = encode_quarantine_header({});
    for (std::uint64_t lsn = 1; lsn <= 3; ++lsn) {
        const auto entry = encode_quarantine_entry("a", {lsn}, 0, "why", bytes_of("x"));
        file.insert(file.end(), entry.begin(), entry.end());
    }
    const auto count = [](std::span<const std::byte> bytes) {
        std::size_t entries = 0;
        std::size_t at = kQuarantineFileHeader;
        while (const auto found = next_quarantine_entry(bytes, at)) {
            ++entries;
            at = found->next;
        }
        return entries;
    };
    REQUIRE(count(file) == 3);
    for (std::size_t size = 0; size <= file.size(); ++size)
        CHECK(count(std::span(file).first(size)) <= 3);
    for (std::size_t bit = kQuarantineFileHeader * 8; bit < file.size() * 8; ++bit) {
        auto flipped = file;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        CHECK(count(flipped) >= 2);  // padding may be hit as well
    }
    for (std::size_t bit = 0; bit < kQuarantineFileHeader * 8; ++bit) {
        auto flipped = file;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        CHECK_FALSE(decode_quarantine_header(flipped).ok());
    }
}

TEST_CASE("quarantine: version 1 is written and read as it always was", "[journal][golden]") {
    CHECK(
        test::hex(encode_quarantine_header(JournalId{{1, 2, 3}})) ==
        "50535146010000000102030000000000000000000000000099050d8800000000"
    );
    const auto record = bytes_of("{}");
    CHECK(
        test::hex(encode_quarantine_entry("lake", {7}, 9, "400: no", record)) ==
        "50535145200000001e5afdace1324339046c616b6507000000000000000900000000000000"
        "073430303a206e6f027b7d"
    );
}

TEST_CASE("quarantine: two sinks may append at once", "[journal][concurrency]") {
    Fixture f;
    const auto store = f.open();
    std::thread other([&] {
        for (std::uint64_t i = 0; i < 20; ++i)
            (void)Fixture::append(*store, "b", i);
    });
    for (std::uint64_t i = 0; i < 20; ++i)
        must(Fixture::append(*store, "a", i));
    other.join();
    CHECK(must(store->list({})).entries.size() == 40);
}

}  // namespace
}  // namespace penstock::journal
